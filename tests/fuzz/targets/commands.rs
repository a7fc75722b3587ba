//! The command line in both senses: lines that are typed, and the arguments of both programs.

use clap::Parser as _;
use tinychat::{
    client::{
        app::{
            acts::Outcome,
            line::Zone,
            model::{Effect, LinkState, Model, Msg, StartProblem},
            parse::{Input, parse},
            update::update,
        },
        cli::Arguments,
        input::{Typed, read_line},
    },
    server::config::Flags,
};

use super::super::oracle::Oracle;

/// Lines are typed; the first word of each that begins with a dash is also tried as arguments.
pub fn run(data: &[u8]) {
    lines(data);
    if data.first() == Some(&b'-') {
        let text = String::from_utf8_lossy(data);
        let words: Vec<&str> = text.split(['\0', '\n', ' ']).collect();
        if let Ok(flags) = Flags::try_parse_from([&["tinychat-server"], &words[..]].concat()) {
            let _ = flags.resolve(1_024);
        }
        let _ = Arguments::try_parse_from([&["tinychat-client"], &words[..]].concat());
    }
}

fn lines(data: &[u8]) {
    let zone = Zone::Fixed(chrono::FixedOffset::east_opt(0).unwrap());
    let mut model = Model::new("ann".parse().unwrap(), zone);
    model.link = LinkState::Up;
    let mut input = data;
    let mut read = 0;
    while let Some(typed) = read_line(&mut input) {
        // It goes forward, or it would never end.
        assert!(data.len() - input.len() > read);
        read = data.len() - input.len();
        let msg = match typed {
            Typed::Line(line) => {
                assert!(!line.contains('\n') && line.len() <= 64 * 1024 + 2);
                match parse(&line) {
                    Ok(Input::Text(text)) => {
                        let slash = line.starts_with("//");
                        assert_eq!(text, line[usize::from(slash)..], "no text is changed");
                    }
                    Ok(Input::Command(_)) | Err(_) => assert!(line.starts_with('/')),
                }
                Msg::Typed(line)
            }
            Typed::Undecodable => Msg::TypedUndecodable,
            Typed::TooLong => Msg::TypedTooLong,
            Typed::Failed(error) => panic!("{error}"),
            Typed::Interrupted => Msg::Interrupted,
            Typed::Ended => panic!("there is no terminal"),
        };
        for effect in update(&mut model, msg) {
            match effect {
                Effect::Print(shown) => {
                    let faults = Oracle::judge(shown.as_bytes()).faults;
                    assert!(faults.is_empty(), "{faults:?} in {shown:?}");
                }
                // As if the server had answered at once.
                Effect::Start(wanted) => {
                    let outcome = Err(StartProblem::NotAMember);
                    update(&mut model, Msg::Started { wanted, outcome });
                }
                Effect::Act(act) => {
                    let outcome = Ok(Outcome::Done);
                    update(&mut model, Msg::Acted { act, outcome });
                }
                Effect::ListUsers => drop(update(&mut model, Msg::Users(Ok(Vec::new())))),
                Effect::AskTime => model.asking = false,
                Effect::TakeUp(_) | Effect::StayAs(_) => {
                    update(&mut model, Msg::Settled(Ok(())));
                }
                Effect::ListConversations(all) => {
                    let rows = Ok(Vec::new());
                    update(&mut model, Msg::Listed { all, rows });
                }
                Effect::AskPassword => {
                    let outcome = Ok(0);
                    let ends_others = true;
                    update(
                        &mut model,
                        Msg::Password {
                            ends_others,
                            outcome,
                        },
                    );
                }
                Effect::Send { .. }
                | Effect::SendAgain(_)
                | Effect::Drop(_)
                | Effect::Open(_)
                | Effect::Leave { .. }
                | Effect::Move { .. }
                | Effect::Steer(..)
                | Effect::Ring
                | Effect::Aside { .. } => {}
            }
        }
    }
}
