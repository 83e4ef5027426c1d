//! `mode`: who decides, and how somebody else comes to.

use anyhow::bail;
use casimir_dkg::view::{Mode, Request, Snapshot};
use serde_json::json;

use super::Asker;
use crate::args::ModeArgs;
use crate::commands::person::typed;
use crate::exit::Outcome;
use crate::output;

/// What has to be typed.
const WORD: &str = "auto";

pub(super) async fn run(asker: &Asker, args: &ModeArgs) -> anyhow::Result<Outcome> {
    let snapshot = asker.snapshot();
    let Some(mode) = args.mode.map(Mode::from) else {
        return Ok(tell(asker, &snapshot));
    };
    let word = match mode {
        Mode::Auto if snapshot.mode != Mode::Auto => Some(ask_for_word(asker, &snapshot, args.yes)?),
        _ => None,
    };
    asker.ask(Request::SwitchMode { mode, word }).await
}

fn tell(asker: &Asker, snapshot: &Snapshot) -> Outcome {
    if asker.json {
        output::json(&json!({ "mode": snapshot.mode, "switched": snapshot.switched }));
    } else {
        output::line(&snapshot.mode.to_string());
        if let Some(switched) = &snapshot.switched {
            output::line(&switched.words(snapshot.mode));
        }
    }
    Outcome::Success
}

/// Says what the rules would decide at once, and has a person type the word.
fn ask_for_word(asker: &Asker, snapshot: &Snapshot, yes: bool) -> anyhow::Result<String> {
    if asker.json {
        let would: Vec<_> = snapshot
            .waiting()
            .map(|action| json!({ "action": action.id, "title": action.title, "rules": action.by_rules }))
            .collect();
        output::json(&json!({ "would": would }));
    } else {
        for action in snapshot.waiting() {
            let rules = action.by_rules.as_ref().map(ToString::to_string);
            output::line(&format!("{}  {}", action.id, action.title));
            output::line(&format!("    {}", rules.unwrap_or_default()));
        }
        if snapshot.waiting().next().is_none() {
            output::line("nothing waits: no rule would decide anything at once");
        }
    }
    if yes {
        return Ok(WORD.to_owned());
    }
    let question = "in mode auto the rules decide, and nobody is asked where one matches; type auto to go on (or give --yes):";
    let typed = typed(question)?;
    if typed != WORD {
        bail!("that is not the word: the mode stays {}", snapshot.mode);
    }
    Ok(WORD.to_owned())
}
