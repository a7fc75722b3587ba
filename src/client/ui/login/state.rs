//! Which question is asked before the chat, and what was typed so far.
//!
//! The screens that were gone through are kept in their order, so that going back is always to where one was. What is typed
//! lives beside them and outlives them, but for passwords.

use super::{
    Ask, Met, Secret,
    update::{self, Asks},
    words,
};
use crate::{
    client::{
        app::line::Zone,
        ui::model::{composer::Composer, notices::Level},
    },
    domain::{clock::TimeMs, fingerprint::Fingerprint, name::UserName},
};

/// A login that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Where.
    pub server: String,
    /// Who.
    pub name: UserName,
    /// When it was last used, if that is known.
    pub used: Option<TimeMs>,
}

/// What is known when the program starts.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The logins that are remembered, of all servers.
    pub accounts: Vec<Account>,
    /// The server that is proposed.
    pub server: String,
    /// Whether the user has named it.
    pub is_named: bool,
    /// Whom the user has named.
    pub user: Option<UserName>,
    /// Whether the user wants another account than the one that is used: it is asked for which.
    pub is_another: bool,
    /// Who wants that, of the server that is proposed, and can go back; `None`: that login is none any more.
    pub in_use: Option<UserName>,
    /// Why the login of that user there has just ended; `None`: it has not, or this is the start.
    pub ended: Option<String>,
    /// Something that is to be said: one safe line.
    pub told: Option<String>,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// Now.
    pub now: TimeMs,
    /// The zone of the user.
    pub zone: Zone,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    /// Which of the remembered logins.
    Accounts,
    /// Which server.
    Server,
    /// Whether to trust a server that nobody vouches for.
    Fingerprint {
        /// The server.
        server: String,
        /// What it showed.
        fingerprint: Fingerprint,
    },
    /// Nothing: a server is another one than was trusted.
    Changed {
        /// The server.
        server: String,
        /// What it showed.
        shown: Fingerprint,
        /// What is trusted.
        pinned: Fingerprint,
    },
    /// Whether there is an account already.
    Way,
    /// Who.
    Name,
    /// The password.
    Password,
    /// The password once more.
    Again,
    /// Nothing yet: something is under way.
    Busy(Busy),
    /// Nothing: a remembered login cannot be used.
    Problem {
        /// Where.
        server: String,
        /// Whose.
        name: UserName,
        /// Why, and the mend.
        text: String,
    },
    /// Nothing: a login has ended while it was used. It stands alone, so that what is just being typed goes nowhere.
    Ended {
        /// Where.
        server: String,
        /// Whose.
        name: UserName,
        /// Why.
        why: String,
    },
}

/// What is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Busy {
    /// A server is asked what it is.
    Connect {
        /// The server.
        server: String,
    },
    /// A login is made.
    LogIn {
        /// Whose.
        name: UserName,
    },
    /// An account is made.
    Register {
        /// Whose.
        name: UserName,
    },
    /// A remembered login is used.
    Remembered {
        /// Where.
        server: String,
        /// Whose.
        name: UserName,
    },
}

/// Something that is said below a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// How bad it is.
    pub level: Level,
    /// What is said: one safe line.
    pub text: String,
}

/// See the head of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Login {
    /// What is asked.
    pub(super) screen: Screen,
    /// The screens before it, the last one last. Never one that waits for something.
    pub(super) past: Vec<Screen>,
    /// What is said below it.
    pub(super) told: Option<Told>,
    /// The remembered logins: what was used last comes first.
    pub(super) accounts: Vec<Account>,
    /// The one whose chat was left for another: the first of them, and where going back leads from here.
    pub(super) in_use: Option<Account>,
    /// Which of them is chosen; one more than there are is another one.
    pub(super) chosen: usize,
    /// Whether the answer that must be meant is chosen.
    pub(super) is_yes: bool,
    /// Whether an account is made.
    pub(super) is_new: bool,
    /// The address that is typed.
    pub(super) server: Composer,
    /// The name that is typed.
    pub(super) name: Composer,
    /// Whether the name was given, so that it need not be asked for.
    pub(super) is_name_given: bool,
    /// Where the login has ended, so that there is an account of that name.
    pub(super) ended_at: Option<String>,
    /// The password that is typed.
    pub(super) password: Secret,
    /// The same once more.
    pub(super) again: Secret,
    /// The server that answered last.
    pub(super) met: Option<Met>,
    /// The row that stands first of what is longer than the screen.
    pub(super) scroll: usize,
    /// Columns and rows of the screen.
    pub(super) size: (u16, u16),
    /// When the program was started.
    pub(super) now: TimeMs,
    /// The zone of the user.
    pub(super) zone: Zone,
}

impl Login {
    /// Begins: with what must be asked first, or with what can be done at once.
    pub fn open(opening: Opening) -> (Self, Vec<Ask>) {
        let Opening {
            mut accounts,
            server,
            is_named,
            user,
            is_another,
            in_use,
            ended,
            told,
            size,
            now,
            zone,
        } = opening;
        let is_in_use = |it: &Account| {
            it.server == server && in_use.as_ref().is_some_and(|user| it.name == *user)
        };
        accounts.sort_by(|one, other| {
            let place = |it: &Account| (it.server.clone(), it.name.clone());
            let by_place = place(one).cmp(&place(other));
            let by_use = is_in_use(other).cmp(&is_in_use(one));
            by_use.then(other.used.cmp(&one.used)).then(by_place)
        });
        let in_use = accounts.first().filter(|it| is_in_use(it)).cloned();
        let mut login = Self {
            screen: Screen::Accounts,
            past: Vec::new(),
            told: None,
            accounts,
            in_use,
            chosen: 0,
            is_yes: false,
            is_new: false,
            server: typed(&server),
            name: typed(user.as_ref().map_or("", UserName::as_str)),
            is_name_given: user.is_some(),
            ended_at: None,
            password: Secret::default(),
            again: Secret::default(),
            met: None,
            scroll: 0,
            size,
            now,
            zone,
        };
        let here = login.account_at(|it| it.server == server);
        let count = login.accounts.iter().filter(|it| it.server == server);
        let count = count.count();
        if let (Some(why), Some(user)) = (&ended, &user) {
            let screen = Screen::Ended {
                server: server.clone(),
                name: user.clone(),
                why: words::sentence(why),
            };
            match login.accounts.is_empty() {
                true => login.screen = screen,
                false => login.forward(screen),
            }
            return (login, Vec::new());
        }
        let at_once = match &user {
            _ if is_another => None,
            Some(user) => login.account_at(|it| it.server == server && it.name == *user),
            None if is_named => here.filter(|_| count == 1),
            None => (login.accounts.len() == 1).then_some(0),
        };
        let mut asks = Asks::new();
        if let Some(chosen) = at_once {
            login.chosen = chosen;
            update::accept(&mut login, &mut asks);
        } else if !is_another && (user.is_some() || (is_named && here.is_none())) {
            login.ask_for_server();
            update::accept(&mut login, &mut asks);
        } else if login.accounts.is_empty() {
            login.ask_for_server();
        } else {
            login.chosen = here.filter(|_| is_named).unwrap_or(0);
        }
        if let Some(told) = told {
            login.tell(Level::Info, words::sentence(&told));
        }
        (login, asks)
    }

    /// The first remembered login of which something holds.
    fn account_at(&self, holds: impl Fn(&Account) -> bool) -> Option<usize> {
        self.accounts.iter().position(holds)
    }

    /// Asks for the server; before that stands the list of logins, if there are any.
    fn ask_for_server(&mut self) {
        match self.accounts.is_empty() {
            true => self.screen = Screen::Server,
            false => self.forward(Screen::Server),
        }
    }

    /// Goes on to another screen.
    pub(super) fn forward(&mut self, screen: Screen) {
        let before = self.change(screen);
        if !matches!(before, Screen::Busy(_)) {
            self.past.push(before);
        }
    }

    /// Puts another screen in the place of this one; what was said is over.
    pub(super) fn change(&mut self, screen: Screen) -> Screen {
        self.told = None;
        self.is_yes = false;
        self.scroll = 0;
        std::mem::replace(&mut self.screen, screen)
    }

    /// Goes one screen back; returns whether there is one.
    pub(super) fn back(&mut self) -> bool {
        let Some(screen) = self.past.pop() else {
            return false;
        };
        let left = self.change(screen);
        // Where a password is asked for anew, the old one is of no use; where it is not, it must not lie about.
        match self.screen {
            // What was stopped or refused can be tried again as it is.
            Screen::Again | Screen::Password if matches!(left, Screen::Busy(_)) => {}
            _ => self.forget_password(),
        }
        true
    }

    /// Whether going back leads somewhere.
    pub(super) const fn has_back(&self) -> bool {
        !self.past.is_empty() || self.in_use.is_some()
    }

    /// Goes back as far as needed to be asked for this.
    pub(super) fn back_to(&mut self, screen: &Screen) {
        while self.screen != *screen && self.back() {}
    }

    /// Forgets what was typed as a password.
    pub(super) fn forget_password(&mut self) {
        self.password.wipe();
        self.again.wipe();
    }

    /// Says something below the question.
    pub(super) fn tell(&mut self, level: Level, text: impl Into<String>) {
        let text = text.into();
        self.told = Some(Told { level, text });
    }

    /// Whether a login of the name that was given is remembered at the server that was met.
    pub(super) fn has_remembered(&self) -> bool {
        let name = self.user().filter(|_| self.is_name_given);
        let is_it =
            |it: &Account| Some(&it.name) == name.as_ref() && it.server == self.server_name();
        self.accounts.iter().any(is_it)
    }

    /// The name that is typed, if it is one.
    pub(super) fn user(&self) -> Option<UserName> {
        self.name.text().trim().parse().ok()
    }

    /// The server that was met, as people read it.
    pub(super) fn server_name(&self) -> &str {
        let met = self.met.as_ref().map(|met| met.server.as_str());
        met.unwrap_or_else(|| self.server.text().trim())
    }
}

/// A field with a text in it.
pub(super) fn typed(text: &str) -> Composer {
    let mut field = Composer::default();
    field.type_in(text);
    field
}
