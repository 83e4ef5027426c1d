//! What is wrong with a file of keys, all of it, each with its line.

use std::fmt;

use toml::de::DeTable;

/// One mistake, at a group or at a command of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mistake {
    group: String,
    command: Option<String>,
    why: String,
}

/// Everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn at(&mut self, group: &str, command: Option<&str>, why: String) {
        let mistake = Mistake {
            group: group.to_owned(),
            command: command.map(str::to_owned),
            why,
        };
        // two scenes may have the same two rows
        if !self.0.contains(&mistake) {
            self.0.push(mistake);
        }
    }

    /// With the line of each in the file that they stand in, in the order of the lines.
    pub(crate) fn in_file(&self, text: &str) -> String {
        let at = |mistake: &Mistake| line_of(text, mistake);
        let mut told: Vec<_> = self.0.iter().map(|mistake| (at(mistake), mistake)).collect();
        told.sort_by_key(|(line, _)| *line);
        let told = told.iter().map(|(line, mistake)| match line {
            Some(line) => format!("line {line}: {mistake}"),
            None => mistake.to_string(),
        });
        told.collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keys.{}", self.group)?;
        if let Some(command) = &self.command {
            write!(f, ".{command}")?;
        }
        write!(f, ": {}", self.why)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join("\n"))
    }
}

impl std::error::Error for Mistakes {}

/// The line of its key, from 1; none where the file has no such key.
fn line_of(text: &str, of: &Mistake) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let names = ["keys", &of.group].into_iter().chain(of.command.as_deref());
    let (mut table, mut at) = (Some(root.get_ref()), 0);
    for name in names {
        let (key, value) = table?.get_key_value(name)?;
        at = key.span().start;
        table = value.get_ref().as_table();
    }
    Some(1 + text[..at].matches('\n').count())
}

#[cfg(test)]
mod tests {
    use super::super::KeyMap;

    #[test]
    fn every_mistake_of_a_file_is_told_with_its_line() {
        let text = "# mine\n[keys.work]\napprove = [\"x\"]\naprove = [\"A\"]\nretry = \"R\"\n\n[keys.wrok]\n\
                    pause = [\"p\"]\n[keys]\nwork.pause = [\"hyper-p\", 3]\n";
        let file: toml::Table = toml::from_str(&text.replace("work.pause", "ask.yes")).unwrap();
        let keys = file["keys"].as_table().unwrap();
        let text = text.replace("work.pause", "ask.yes");
        let told = KeyMap::new(Some(keys), false).unwrap_err().in_file(&text);
        let lines: Vec<_> = told.lines().collect();
        for (begins, has) in [
            ("line 3: keys.work.approve: ", "two things at once"),
            ("line 4: keys.work.aprove: ", "did you mean \"approve\"?"),
            ("line 5: keys.work.retry: ", "must be a list of keys"),
            ("line 7: keys.wrok: ", "did you mean \"work\"?"),
            ("line 10: keys.ask.yes: ", "is not a key"),
            ("line 10: keys.ask.yes: ", "keys are texts"),
        ] {
            let is_told = |line: &&&str| line.starts_with(begins) && line.contains(has);
            assert!(lines.iter().any(|line| is_told(&line)), "{begins}{has}: {told}");
        }
        assert!(
            lines.is_sorted_by_key(|line| line[5..].split(':').next().unwrap().parse::<usize>().unwrap())
        );
    }
}
