//! The tests from outside: they run the real programs and speak the public schema. In reading order: first what
//! everything stands on, then what must never break, then how others use it.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "in a test a panic is the answer, and its numbers are its own"
)]

mod support;

mod layering;
mod model;
mod seam;
mod store_conformance;

mod access;
mod accounts;
mod delivered;
mod doors;
mod files;
mod finding;
mod groups;
mod limits;
mod presence;
mod same_as_model;
mod secrets;
mod sessions;
mod settings;
mod streams;

mod kill_recovery;
mod syscall_faults;

mod crash_states;
mod full_disk;

mod bad_starts;
mod client_outbox;
mod fuzz;
mod line_client;
mod line_editor;
mod scripting;
mod terminal_login;
mod terminal_safety;
mod terminal_ui;
mod tour;
mod ui_figures;
mod ui_pictures;
mod ui_reference;
mod upgrade;

mod attacks;
mod clean_stop;
mod connections;
mod go_regressions;
mod slow_reader;

mod api_reference;
mod cases;
mod grpc_web;
mod grpcurl;
mod metrics;
mod other_languages;
mod tls;

mod bench;
