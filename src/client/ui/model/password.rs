//! The screen on which the password is changed: which field is written, and what is said of it.
//!
//! Promises that a password is nothing but a count of signs to whoever draws it. What is asked and checked is said by
//! `app::password`, for the line mode, too.

use super::edit::Edit;
use crate::client::app::{
    password::{Field, Form, NewPassword, PasswordProblem},
    secret::Secret,
};

/// See the head of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPane {
    /// What was typed.
    pub form: Form,
    /// Which field is written.
    pub at: Field,
    /// The server was asked and has not answered.
    pub is_asking: bool,
    /// What is wrong: one safe line.
    pub problem: Option<String>,
}

impl Default for PasswordPane {
    fn default() -> Self {
        Self {
            form: Form::default(),
            at: Field::Current,
            is_asking: false,
            problem: None,
        }
    }
}

impl PasswordPane {
    /// What was typed into a field; `None`: nothing is typed there.
    pub const fn secret(&self, field: Field) -> Option<&Secret> {
        match field {
            Field::Current => Some(&self.form.current),
            Field::New => Some(&self.form.new),
            Field::Again => Some(&self.form.again),
            Field::Others => None,
        }
    }

    fn secret_mut(&mut self) -> Option<&mut Secret> {
        match self.at {
            Field::Current => Some(&mut self.form.current),
            Field::New => Some(&mut self.form.new),
            Field::Again => Some(&mut self.form.again),
            Field::Others => None,
        }
    }

    /// Takes what was typed or pasted into a field. What was asked for does not change any more.
    pub fn put(&mut self, text: &str) {
        if self.is_asking {
            return;
        }
        if let Some(secret) = self.secret_mut() {
            let is_whole = secret.put(text.trim_start_matches(['\r', '\n']));
            let full = || "no more than that fits in here".to_owned();
            self.problem = (!is_whole).then(full);
        }
    }

    /// Takes a letter that was typed: into a field, or as an answer.
    pub fn type_in(&mut self, text: &str) {
        if self.is_asking || self.at != Field::Others {
            return self.put(text);
        }
        self.problem = None;
        match text {
            "y" | "Y" => self.form.ends_others = true,
            "n" | "N" => self.form.ends_others = false,
            " " => self.form.ends_others = !self.form.ends_others,
            _ => {}
        }
    }

    /// Takes back what was typed, or chooses.
    pub fn edit(&mut self, edit: Edit) {
        if self.is_asking {
            return;
        }
        match (self.secret_mut(), edit) {
            (Some(secret), Edit::DeleteLeft) => secret.take_back(),
            // Nobody sees where a word begins.
            (Some(secret), Edit::KillToSpace | Edit::KillToLineStart | Edit::KillAll) => {
                secret.wipe();
            }
            (None, Edit::Left | Edit::Right) => self.form.ends_others = !self.form.ends_others,
            _ => return,
        }
        self.problem = None;
    }

    /// Goes to the next field, or to the one before.
    pub fn step(&mut self, is_next: bool) {
        let place = Field::ALL.iter().position(|field| *field == self.at);
        let place = place.unwrap_or(0);
        let place = match is_next {
            true => place.saturating_add(1),
            false => place.saturating_sub(1),
        };
        self.go_to(Field::ALL.get(place).copied().unwrap_or(Field::Others));
    }

    /// Goes to a field.
    pub fn go_to(&mut self, field: Field) {
        self.problem = None;
        self.at = field;
    }

    /// Takes what is typed in this field: goes on to the next, or returns what is to be asked, if all of it can be.
    pub fn accept(&mut self) -> Option<NewPassword> {
        if self.is_asking {
            return None;
        }
        let fields = Field::ALL.into_iter();
        let due = fields.filter(|field| *field == self.at || self.at == Field::Others);
        let wrong = due
            .map(|field| (field, self.form.check(field)))
            .find_map(|(field, checked)| Some((field, checked.err()?)));
        if let Some((field, why)) = wrong {
            self.go_to(field);
            if field == Field::Again {
                self.form.again.wipe();
            }
            self.problem = Some(why);
            return None;
        }
        match self.at.next() {
            Some(next) => {
                self.go_to(next);
                None
            }
            None => Some(self.form.wish()),
        }
    }

    /// The server was asked.
    pub fn asked(&mut self) {
        self.problem = None;
        self.is_asking = true;
    }

    /// It did not work, or may not have. Nothing that was typed is lost but a password that was wrong.
    pub fn refused(&mut self, problem: &PasswordProblem) {
        self.is_asking = false;
        if *problem == PasswordProblem::Wrong {
            self.form.current.wipe();
            self.at = Field::Current;
        }
        self.problem = Some(problem.words());
    }
}
