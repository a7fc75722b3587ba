//! The screens before the chat at work: they are drawn, what they want is asked of the server and the files, and the
//! answers are brought to them.
//!
//! Keys are heard while something is under way, and what was given up is dropped. A remembered login opens the chat at once,
//! whether the server can be reached or not: what is on this machine is shown first, and the link says the rest. A token
//! and a password go only to the server that they are for, known as well as it was.

use std::{
    future::{Future, pending},
    io,
    path::PathBuf,
    pin::{Pin, pin},
    time::{Duration, SystemTime},
};

use ratatui::Frame;
use tokio::time::{sleep, timeout};

use crate::{
    client::{
        app::line::Zone,
        exit::Failure,
        login::{LoggedIn, by_token, device_name, remember, remembered},
        net::{
            connect::ServerAddress,
            error::{ClientError, ErrorKind},
            session::{Login as Made, Patience, Session},
            tls::{Assurance, Security, TlsFailure, Trust},
        },
        state::{LoginPlace, Logins},
        trust::{self, KnownServers, Wish},
        ui::{
            keymap::{Chord, Keymap},
            login::{
                Account, Answer, Ask, Login, Met, Msg, Opening, Refusal, ask::Known, draw, update,
            },
            theme::Theme,
        },
    },
    domain::{
        clock::{Clock, SystemClock, TimeMs},
        fingerprint::Fingerprint,
        name::UserName,
    },
    pb,
};

/// What devices are called that log in here.
const DEVICE: &str = "terminal client";
/// Where a server listens if its address says nothing else.
const PORT: u16 = 7777;
/// A server that is near says within this whether a remembered login still holds. The first screen does not wait longer:
/// of one that is far it is the link that tells.
const CHECK_MAX: Duration = Duration::from_millis(50);
/// What is done sooner than this at the start is not announced: a screen that only flashes up is none.
const QUIET: Duration = Duration::from_millis(100);

/// What the screens are drawn on, and where keys come from.
pub trait Screen {
    /// Columns and rows.
    fn size(&self) -> (u16, u16);

    /// Draws. If the terminal cannot take it now, it must be drawn later: then [`Screen::next`] returns [`Heard::Free`].
    fn draw(&mut self, view: &mut dyn FnMut(&mut Frame<'_>)) -> io::Result<()>;

    /// The next frame is drawn whole, whatever the terminal shows now.
    fn redraw(&mut self) -> io::Result<()>;

    /// Goes to the shell, and returns when the user comes back.
    fn suspend(&mut self) -> io::Result<()>;

    /// Returns what happens next. Cancelling it loses nothing.
    fn next(&mut self) -> impl Future<Output = io::Result<Heard>>;
}

/// What happened at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A key was pressed.
    Key(Chord),
    /// A text was pasted.
    Paste(String),
    /// The screen has this size now: columns and rows.
    Resized(u16, u16),
    /// What could not be drawn can be drawn now.
    Free,
    /// The terminal is gone, or the program was asked to end.
    Over,
    /// The program cannot go on.
    Failed(Failure),
}

/// What is known before anybody is asked.
#[derive(Clone, Debug)]
pub struct Start {
    /// The server that is proposed.
    pub server: ServerAddress,
    /// Whether the user has named it.
    pub is_named: bool,
    /// Whom the user has named.
    pub user: Option<UserName>,
    /// Encrypted even on this machine.
    pub tls: bool,
    /// In the clear even beyond it.
    pub insecure: bool,
    /// Trusting the authorities in this file.
    pub authorities: Option<PathBuf>,
}

/// Why somebody is asked. Not to be printed: it may hold a token.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// It is the start of the program.
    Start,
    /// The login that was used has ended. It is forgotten, and asked for anew.
    Ended {
        /// Why.
        why: String,
        /// Its secret: what another program has remembered since is not forgotten.
        token: String,
    },
    /// The user wants another account, and can go back to the one that was used; with what is to be said, if there is
    /// something.
    Another(Option<String>),
    /// The login that was used is ended; with what is to be said of it.
    LoggedOut(String),
}

/// A login, and where.
pub struct Entered {
    /// The login. Of one that was remembered it may not be known yet whether it still holds.
    pub login: LoggedIn,
    /// The server.
    pub server: ServerAddress,
    /// How well it is known.
    pub assurance: Assurance,
}

/// Comes to a login, asking on the screen for what is missing; `None`: the user has left. Fails if the terminal does, or
/// if what this machine remembers cannot be read.
pub(super) async fn log_in(
    screen: &mut impl Screen,
    (start, why): (&Start, &Why),
    theme: &Theme,
    keys: &Keymap,
) -> Result<Option<Entered>, Failure> {
    let desk = Desk {
        known: KnownServers::of_user()?,
        logins: Logins::of_user()?,
        tls: start.tls,
        insecure: start.insecure,
        authorities: start.authorities.clone(),
    };
    at_desk(screen, (start, why), desk, (theme, keys)).await
}

/// Notes that a login was used until now.
pub(super) fn was_used(server: &ServerAddress, user: &UserName) {
    // That it cannot be noted is no reason to stop.
    if let Ok(logins) = Logins::of_user() {
        logins.touch(server, user);
    }
}

async fn at_desk(
    screen: &mut impl Screen,
    (start, why): (&Start, &Why),
    desk: Desk,
    (theme, keys): (&Theme, &Keymap),
) -> Result<Option<Entered>, Failure> {
    let cannot_use = |error| Failure::other(format!("cannot use the terminal: {error}"));
    let (mut login, mut asks) = Login::open(desk.opening(start, why, screen.size())?);
    let mut meeting: Option<Meeting> = None;
    let mut work: Option<Work> = None;
    let mut quiet = pin!(sleep(QUIET));
    let mut is_quiet = true;
    loop {
        for ask in asks {
            match ask {
                Ask::Quit => return Ok(None),
                Ask::Stop => work = None,
                Ask::Redraw => screen.redraw().map_err(cannot_use)?,
                Ask::Suspend => screen.suspend().map_err(cannot_use)?,
                ask => work = Some(Box::pin(desk.clone().fulfil(meeting.clone(), ask))),
            }
        }
        is_quiet &= work.is_some();
        if !is_quiet {
            let mut view = |frame: &mut Frame<'_>| draw(&login, theme, keys, frame);
            screen.draw(&mut view).map_err(cannot_use)?;
        }
        let msg = tokio::select! {
            biased;
            outcome = done(&mut work) => {
                work = None;
                match outcome {
                    Outcome::Entered(entered) => return Ok(Some(*entered)),
                    Outcome::Met(met, answer) => {
                        meeting = Some(met);
                        Msg::Answer(answer)
                    }
                    Outcome::Answer(answer) => Msg::Answer(answer),
                }
            }
            () = &mut quiet, if is_quiet => {
                is_quiet = false;
                asks = Vec::new();
                continue;
            }
            heard = screen.next() => match heard.map_err(cannot_use)? {
                Heard::Key(chord) => Msg::Key(chord),
                Heard::Paste(text) => Msg::Paste(text),
                Heard::Resized(columns, rows) => Msg::Resized(columns, rows),
                Heard::Free => {
                    asks = Vec::new();
                    continue;
                }
                Heard::Over => return Ok(None),
                Heard::Failed(failure) => return Err(failure),
            },
        };
        asks = update(&mut login, keys, msg);
    }
}

/// Something that is under way.
type Work = Pin<Box<dyn Future<Output = Outcome>>>;

async fn done(work: &mut Option<Work>) -> Outcome {
    match work {
        Some(work) => work.as_mut().await,
        None => pending().await,
    }
}

/// What came of something.
enum Outcome {
    /// The chat begins.
    Entered(Box<Entered>),
    /// A server was met.
    Met(Meeting, Answer),
    /// Something else.
    Answer(Answer),
}

/// A server that answers, and the way to it.
#[derive(Clone)]
struct Meeting {
    server: ServerAddress,
    assurance: Assurance,
    session: Session,
}

/// What is known on this machine, and how the user wants servers to be reached.
#[derive(Clone)]
struct Desk {
    known: KnownServers,
    logins: Logins,
    tls: bool,
    insecure: bool,
    authorities: Option<PathBuf>,
}

impl Desk {
    fn opening(&self, start: &Start, why: &Why, size: (u16, u16)) -> Result<Opening, Failure> {
        if let (Why::Ended { token, .. }, Some(user)) = (why, &start.user) {
            self.logins.forget_this(&start.server, user, token)?;
        }
        let is_another = matches!(why, Why::Another(_) | Why::LoggedOut(_));
        let in_use = start.user.clone();
        Ok(Opening {
            accounts: self.logins.all()?.into_iter().map(account).collect(),
            server: start.server.as_str().to_owned(),
            is_named: start.is_named,
            user: start.user.clone().filter(|_| !is_another),
            is_another,
            in_use: in_use.filter(|_| matches!(why, Why::Another(_))),
            ended: match why {
                Why::Ended { why, .. } => Some(why.clone()),
                _ => None,
            },
            told: match why {
                Why::Another(told) => told.clone(),
                Why::LoggedOut(told) => Some(told.clone()),
                _ => None,
            },
            size,
            now: SystemClock.now(),
            zone: Zone::Local,
        })
    }

    async fn fulfil(self, meeting: Option<Meeting>, ask: Ask) -> Outcome {
        let outcome = match ask {
            Ask::Connect { server } => self.connect(&server).await,
            Ask::Trust {
                server,
                fingerprint,
            } => match self.trust(&server, fingerprint) {
                Ok(()) => self.connect(&server).await,
                Err(refusal) => Err(refusal),
            },
            Ask::UseRemembered { server, name } => self.use_remembered(&server, name).await,
            Ask::LogIn {
                server,
                name,
                password,
            } => {
                let made = async |session: &Session| {
                    let device = device_name(DEVICE);
                    session.login(&name, password.expose(), &device).await
                };
                self.by_password(meeting, &server, &name, made).await
            }
            Ask::Register {
                server,
                name,
                password,
            } => {
                let made = async |session: &Session| {
                    let device = device_name(DEVICE);
                    session.register(&name, password.expose(), &device).await
                };
                self.by_password(meeting, &server, &name, made).await
            }
            // Done where the screen is.
            Ask::Stop | Ask::Redraw | Ask::Suspend | Ask::Quit => pending().await,
        };
        outcome.unwrap_or_else(|refusal| Outcome::Answer(Answer::Refused(refusal)))
    }

    fn wish<'a>(&'a self, server: &'a ServerAddress, tls: bool) -> Wish<'a> {
        Wish {
            server,
            tls,
            insecure: self.insecure,
            authorities: self.authorities.as_deref(),
            // Not here: what is to be asked is a screen of its own.
            may_ask: false,
        }
    }

    fn trust(&self, server: &str, fingerprint: Fingerprint) -> Result<(), Refusal> {
        Ok(self.known.keep(&address_of(server)?, fingerprint)?)
    }

    async fn connect(&self, server: &str) -> Result<Outcome, Refusal> {
        let server = address_of(server)?;
        let security = match trust::meet(&self.wish(&server, self.tls), &self.known).await? {
            trust::Met::Known(security) => security,
            trust::Met::Unknown(fingerprint) => return Ok(unknown(&server, fingerprint)),
        };
        let is_a_guess = security == Security::Plaintext && !self.insecure;
        match greet(server.clone(), security, Answer::Connected).await {
            // On this machine the clear is the first guess. It was asked what it is and nothing else: no name, no token.
            Err(error) if is_a_guess && error.kind() == ErrorKind::Network => {
                let met = self.connect_by_tls(server).await;
                met.ok_or_else(|| error.into())
            }
            outcome => Ok(outcome?),
        }
    }

    /// Meets a server by TLS; `None`: it does not speak that.
    async fn connect_by_tls(&self, server: ServerAddress) -> Option<Outcome> {
        match trust::meet(&self.wish(&server, true), &self.known).await {
            Ok(trust::Met::Unknown(fingerprint)) => Some(unknown(&server, fingerprint)),
            Ok(trust::Met::Known(security)) => {
                let met = greet(server, security, Answer::Connected).await;
                met.ok()
            }
            Err(_) => None,
        }
    }

    async fn use_remembered(&self, server: &str, name: UserName) -> Result<Outcome, Refusal> {
        let server = address_of(server)?;
        // What was made by TLS is used so, whatever is tried first on this machine where nothing is known.
        let made = self.logins.find(&server, &name)?;
        let was_by_tls = made.is_some_and(|made| made.assurance != Assurance::Plaintext);
        let tls = self.tls || (was_by_tls && !self.insecure);
        // One that nobody vouches for is not trusted on this way: the token was for another.
        let by_system = Security::Tls(Trust::System);
        let security = trust::unasked(&self.wish(&server, tls), &self.known)?.unwrap_or(by_system);
        let assurance = security.assurance();
        let Some(found) = remembered(&self.logins, &server, &name, assurance)? else {
            return Ok(greet(server, security, Answer::Ended).await?);
        };
        let session = Session::open(&server, &security)?;
        let checked = by_token(&session, &found.token, Patience::None);
        let login = match timeout(CHECK_MAX, checked).await {
            Ok(Ok(login)) if login.name == name => login,
            Ok(Err(ClientError::Tls(failure))) => return Ok(not_trusted(failure)?),
            Ok(Err(error)) if !matches!(error.kind(), ErrorKind::Auth | ErrorKind::Network) => {
                return Err(error.into());
            }
            Ok(Err(error)) if error.kind() == ErrorKind::Auth => {
                self.logins.forget(&server, &name)?;
                return Ok(greet(server, security, Answer::Ended).await?);
            }
            Ok(Ok(_)) => {
                self.logins.forget(&server, &name)?;
                return Ok(greet(server, security, Answer::Ended).await?);
            }
            // It is away, or far: what is on this machine is shown meanwhile.
            Ok(Err(_)) | Err(_) => LoggedIn {
                session: session.with_token(&found.token)?,
                token: found.token,
                name,
            },
        };
        self.logins.touch(&server, &login.name);
        Ok(Outcome::Entered(Box::new(Entered {
            login,
            server,
            assurance,
        })))
    }

    /// Makes a login at the server that was met.
    async fn by_password(
        &self,
        meeting: Option<Meeting>,
        server: &str,
        name: &UserName,
        made: impl AsyncFnOnce(&Session) -> Result<Made, ClientError>,
    ) -> Result<Outcome, Refusal> {
        let Some(meeting) = meeting.filter(|it| it.server.as_str() == server) else {
            return Err(
                Failure::other(format!("{server} was not asked yet; go back to it")).into(),
            );
        };
        // Before there is a new login on the server: one that cannot be kept would be another at every run.
        self.logins.check_writable()?;
        let login = made(&meeting.session).await?;
        let (server, assurance) = (meeting.server, meeting.assurance);
        let login = remember(&self.logins, &server, name.clone(), assurance, login)?;
        Ok(Outcome::Entered(Box::new(Entered {
            login,
            server,
            assurance,
        })))
    }
}

/// Nobody vouches for a server: it is for the user to say.
fn unknown(server: &ServerAddress, fingerprint: Fingerprint) -> Outcome {
    Outcome::Answer(Answer::Unknown {
        server: server.as_str().to_owned(),
        fingerprint,
    })
}

/// Asks a server what it is.
async fn greet(
    server: ServerAddress,
    security: Security,
    answer: fn(Met) -> Answer,
) -> Result<Outcome, ClientError> {
    let session = Session::open(&server, &security)?;
    let info = match session.server_info(Patience::None).await {
        Ok(info) => info,
        Err(ClientError::Tls(failure)) => return not_trusted(failure),
        Err(error) => return Err(error),
    };
    let assurance = security.assurance();
    let met = Met {
        server: server.as_str().to_owned(),
        known: match assurance {
            Assurance::Plaintext if server.is_loopback() => Known::Here,
            Assurance::Plaintext => Known::Plaintext,
            Assurance::Vouched => Known::Vouched,
            Assurance::Pinned(_) => Known::Pinned,
        },
        is_trusting: info.auth_mode() == pb::AuthMode::Trust,
    };
    let meeting = Meeting {
        server,
        assurance,
        session,
    };
    Ok(Outcome::Met(meeting, answer(met)))
}

fn not_trusted(failure: TlsFailure) -> Result<Outcome, ClientError> {
    match failure {
        TlsFailure::Changed {
            server,
            shown,
            pinned,
        } => Ok(Outcome::Answer(Answer::Changed {
            server,
            shown,
            pinned,
        })),
        failure => Err(ClientError::Tls(failure)),
    }
}

/// Reads an address as people type it: its port can be left out.
fn address_of(text: &str) -> Result<ServerAddress, Refusal> {
    let is_bare = !text.contains(':') || text.ends_with(']');
    let address = match is_bare && !text.is_empty() {
        true => format!("{text}:{PORT}").parse(),
        false => text.parse(),
    };
    Ok(address.map_err(ClientError::Address)?)
}

fn account(place: LoginPlace) -> Account {
    let since = place
        .used
        .and_then(|used| used.duration_since(SystemTime::UNIX_EPOCH).ok());
    let used = since.and_then(|since| i64::try_from(since.as_millis()).ok());
    Account {
        server: place.server.as_str().to_owned(),
        name: place.user,
        used: used.map(TimeMs::new),
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let text = failure.to_string();
        let reason = match failure {
            Failure::Told { reason, .. } => reason,
            Failure::OutputClosed => String::new(),
        };
        Self {
            reason,
            text,
            wait: None,
        }
    }
}

impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        Self {
            reason: error.reason().to_owned(),
            text: error.to_string(),
            wait: match error {
                ClientError::Refused(refusal) => refusal.retry_after,
                _ => None,
            },
        }
    }
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
