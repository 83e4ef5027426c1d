//! Keys: the table of commands, key names, and the map that the configuration may change.

mod command;
mod map;
mod mistakes;
mod parse;
#[cfg(test)]
mod tests;

pub(crate) use command::{Command, Group, Row, Scene, TABLE};
pub(crate) use map::KeyMap;
pub(crate) use parse::Key;

/// The table as the `keys` section of a configuration file, with every default: the key reference.
#[cfg(test)]
pub(crate) fn reference() -> String {
    let mut out = String::new();
    for group in Group::ALL {
        out.push_str(&format!("# {}\n[keys.{}]\n", group.heading(), group.name()));
        for row in TABLE.iter().filter(|r| r.group == group) {
            let Some(help) = row.help(super::screens::panes::TABLE) else {
                continue;
            };
            let keys: Vec<_> = row.keys.iter().map(|k| format!("\"{k}\"")).collect();
            out.push_str(&format!("{} = [{}] # {help}\n", row.name, keys.join(", ")));
        }
        out.push('\n');
    }
    out
}
