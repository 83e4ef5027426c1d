//! Asks every endpoint the same and judges what they say. What is asked is the caller's affair: here voices give named
//! words, and the words are compared.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use crate::ports::{Accord, Agreement, Question, UNTOLD, Unknown, Voice, Words};
use crate::types::{BlockRef, SafeText, in_words};

/// Time that one endpoint has for all of it. The first reading of a long history takes the longest; what is not done by
/// then is kept, and goes on when it is asked again.
const DEADLINE: Duration = Duration::from_secs(60);

/// The configured endpoints, each with a voice of its own.
#[derive(Debug)]
pub struct Voices {
    voices: Vec<Voice>,
    deadline: Duration,
}

impl Voices {
    /// One for each endpoint, in the configured order.
    #[must_use]
    pub fn new(voices: Vec<Voice>) -> Self {
        Self::within(DEADLINE, voices)
    }

    /// The same, each with this much time for all of a question.
    #[must_use]
    pub fn within(deadline: Duration, voices: Vec<Voice>) -> Self {
        Self { voices, deadline }
    }

    async fn timed<T>(&self, answer: impl Future<Output = Result<T, Unknown>>) -> Result<T, Unknown> {
        tokio::time::timeout(self.deadline, answer)
            .await
            .unwrap_or_else(|_| {
                let words = format!("no answer within {}", in_words(self.deadline));
                Err(Unknown::because(words))
            })
    }

    fn judge(&self, about: &str, said: Vec<Result<Words, Unknown>>) -> Accord {
        let names = self.voices.iter().map(|voice| voice.name.clone());
        judge(about, names.zip(said).collect())
    }
}

#[async_trait]
impl Agreement for Voices {
    async fn ask(&self, about: &str, question: &dyn Question) -> Accord {
        if self.voices.len() < 2 {
            return Accord::Alone;
        }
        let ask = |voice| self.timed(question.put(voice));
        let said = join_all(self.voices.iter().map(ask)).await;
        self.judge(about, said)
    }

    async fn ask_at(&self, block: BlockRef, question: &dyn Question) -> Accord {
        if self.voices.len() < 2 {
            return Accord::Alone;
        }
        let ask = |voice| self.timed(at_block(voice, block, question));
        let said = join_all(self.voices.iter().map(ask)).await;
        // finality moves between two questions: what is compared is the lowest block that one of them calls final
        let finals = said.iter().flatten().filter_map(|(_, last)| *last);
        let lowest = finals.map(|last| last.number).min();
        let finish = |(voice, said): (_, Result<(Words, Option<BlockRef>), Unknown>)| async move {
            let (mut words, last) = said?;
            if let Some(lowest) = lowest {
                let hash = self.timed(final_hash(voice, last, lowest)).await?;
                words.push((FINAL_HASH, hash));
            }
            Ok(words)
        };
        let said = join_all(self.voices.iter().zip(said).map(finish)).await;
        let told: Vec<_> = said.iter().map(|said| said.as_ref().ok().cloned()).collect();
        let accord = self.judge(&format!("at block {}", block.number), said);
        if accord.contradiction().is_some() {
            let contradicted = self.voices.iter().zip(of_the_block(block, &accord, &told));
            let contradicted = contradicted.filter(|(_, is_contradicted)| *is_contradicted);
            join_all(contradicted.map(|(voice, _)| question.contradicted(voice))).await;
        }
        accord
    }
}

const HASH: &str = "the block's hash";
const FINAL_HASH: &str = "the hash of the finalized block";

/// Who is contradicted on what was asked for of a block: by those who are most, where they are, else by anybody. A voice on
/// another fork tells another state, and what it and others read of it is as right as before.
fn of_the_block(block: BlockRef, accord: &Accord, told: &[Option<Words>]) -> Vec<bool> {
    let here = (HASH, block.hash.to_string());
    let asked = |words: &Words| -> Option<Words> {
        let is_asked = |word: &&(&'static str, String)| ![HASH, FINAL_HASH].contains(&word.0);
        let is_here = words.contains(&here);
        is_here.then(|| words.iter().filter(is_asked).cloned().collect())
    };
    let told: Vec<_> = told.iter().map(|words| asked(words.as_ref()?)).collect();
    let most = match accord {
        Accord::Outvoted { most, .. } => asked(most),
        _ => None,
    };
    let against: Vec<_> = most.map_or_else(|| told.iter().flatten().cloned().collect(), |most| vec![most]);
    let differs = |words: &Words| against.iter().any(|other| difference(other, words).is_some());
    told.iter()
        .map(|words| words.as_ref().is_some_and(differs))
        .collect()
}

/// The words of one voice at a block, and the newest block that it calls final.
async fn at_block(
    voice: &Voice,
    block: BlockRef,
    question: &dyn Question,
) -> Result<(Words, Option<BlockRef>), Unknown> {
    let theirs = voice.execution.block_at(block.number).await.value()?;
    let mut words: Words = vec![(HASH, theirs.hash.to_string())];
    if theirs != block {
        return Ok((words, None));
    }
    let (said, last) = tokio::join!(question.put(voice), voice.execution.finalized(block));
    words.extend(said?);
    Ok((words, last.known()?))
}

async fn final_hash(voice: &Voice, last: Option<BlockRef>, number: u64) -> Result<String, Unknown> {
    match last {
        Some(last) if last.number == number => Ok(last.hash.to_string()),
        // it calls nothing final yet, or a later block
        _ => {
            let block = voice.execution.block_at(number).await.value()?;
            Ok(block.hash.to_string())
        }
    }
}

/// What named words of several voices come to.
fn judge(about: &str, said: Vec<(SafeText, Result<Words, Unknown>)>) -> Accord {
    let configured = said.len();
    let mut words: Vec<(SafeText, Words)> = Vec::new();
    let mut silent = Vec::new();
    for (name, said) in said {
        match said {
            Ok(word) => words.push((name, word)),
            Err(why) => silent.push(SafeText::new(&format!("{name}: {why}"))),
        }
    }
    // what most say is what the others are held against; the endpoint asked first wins a tie
    let support = |word: &Words| {
        let same = |(_, other): &&(SafeText, Words)| difference(other, word).is_none();
        let with: Vec<_> = words.iter().filter(same).map(|(_, other)| other).collect();
        // whoever cannot tell something differs from nobody on it, and hides no difference of others
        let differ = |one: &&Words| with.iter().any(|other| difference(one, other).is_some());
        if with.iter().any(differ) { 0 } else { with.len() }
    };
    let most = words.iter().map(|(_, word)| support(word)).max();
    let standard = words.iter().find(|(_, word)| Some(support(word)) == most);
    let Some((_, standard)) = standard else {
        let said = None;
        return Accord::TooFew {
            configured,
            said,
            silent,
        };
    };
    if most == Some(0) {
        // who cannot tell stands with both sides: the first two of them are named
        let rest = |n: usize| words[n + 1..].iter();
        let mut pairs = words
            .iter()
            .enumerate()
            .flat_map(|(n, one)| rest(n).map(move |other| [one.clone(), other.clone()]));
        let differ = pairs.find_map(|pair| contradiction(&pair[0].1, &pair));
        let differ = SafeText::new(&format!("{about} {}", differ.unwrap_or_default()));
        return Accord::Disagree(differ);
    }
    if let Some(differ) = contradiction(standard, &words) {
        let differ = SafeText::new(&format!("{about} {differ}"));
        let most = most.unwrap_or_default();
        return match most >= 2 && 2 * most > words.len() && is_told_by_two(standard, &words) {
            true => Accord::Outvoted {
                most: told_by_two(standard, &words),
                words: differ,
            },
            false => Accord::Disagree(differ),
        };
    }
    if words.len() < 2 {
        let said = Some(standard.clone());
        return Accord::TooFew {
            configured,
            said,
            silent,
        };
    }
    Accord::Agree {
        agreeing: words.len(),
        said: told_by_two(standard, &words),
        silent,
    }
}

/// What those say who say what `standard` says, of each subject: what fewer than two of them tell is agreed on by nobody.
fn told_by_two(standard: &Words, words: &[(SafeText, Words)]) -> Words {
    let with = words
        .iter()
        .filter(|(_, word)| difference(standard, word).is_none());
    let with: Vec<_> = with.map(|(_, word)| word).collect();
    let subject = |(place, (subject, _)): (usize, &(&'static str, String))| {
        let mut told = with
            .iter()
            .filter_map(|word| word.get(place))
            .map(|(_, value)| value)
            .filter(|value| *value != UNTOLD);
        let value = match (told.next(), told.next()) {
            (Some(value), Some(_)) => value.clone(),
            _ => UNTOLD.to_owned(),
        };
        (*subject, value)
    };
    standard.iter().enumerate().map(subject).collect()
}

/// Whether that on which others differ from it is what two say, and not the word of one beside whom nobody can tell.
fn is_told_by_two(standard: &Words, words: &[(SafeText, Words)]) -> bool {
    let told = told_by_two(standard, words);
    let mut differ = words
        .iter()
        .filter(|(_, word)| difference(standard, word).is_some());
    differ.all(|(_, word)| difference(&told, word).is_some())
}

/// How some of those who spoke differ from what most say. Nobody is called wrong whom no majority outvotes.
fn contradiction(standard: &Words, words: &[(SafeText, Words)]) -> Option<String> {
    let (mut with, mut against) = (Vec::new(), Vec::new());
    for (name, word) in words {
        match difference(standard, word) {
            None => with.push(name.as_str()),
            Some(difference) => against.push((name, difference)),
        }
    }
    let said = against
        .iter()
        .map(|(name, differs)| match (differs, with.as_slice()) {
            (Differs::On { subject, there, here }, [one]) => {
                format!(
                    "{one} and {name} contradict each other: {one} says of {subject} {there}, {name} {here}"
                )
            }
            (Differs::SaysLess, [one]) => format!("{one} and {name} contradict each other: {name} says less"),
            (Differs::On { subject, there, here }, several) => format!(
                "{name} is outvoted by {}: it says of {subject} {here}, not {there}",
                several.join(" and ")
            ),
            (Differs::SaysLess, several) => {
                format!("{name} is outvoted by {}: it says less", several.join(" and "))
            }
        });
    let said: Vec<_> = said.collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// How somebody differs from what most say.
enum Differs<'a> {
    /// The first subject on which it does: `there` is what most say of it, `here` what it says.
    On {
        subject: &'a str,
        there: &'a str,
        here: &'a str,
    },
    /// Where both speak they say the same, and one speaks of fewer subjects.
    SaysLess,
}

fn difference<'a>(standard: &'a Words, word: &'a Words) -> Option<Differs<'a>> {
    let same = |here: &str, there: &str| here == there || [here, there].contains(&UNTOLD);
    let mut pairs = standard.iter().zip(word);
    let differs = pairs.find(|((subject, there), (other, here))| subject != other || !same(here, there));
    match differs {
        Some(((subject, there), (_, here))) => Some(Differs::On { subject, there, here }),
        None => (standard.len() != word.len()).then_some(Differs::SaysLess),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two can tell one thing each, and two the other: nobody's supporters are of one mind.
    #[test]
    fn who_contradicts_whom_is_said_also_where_nobody_is_the_standard() {
        let voice = |name: &str, first: &str, second: &str| {
            let words = vec![("queue", first.to_owned()), ("fees", second.to_owned())];
            (SafeText::new(name), Ok(words))
        };
        let accord = judge(
            "at block 9",
            vec![
                voice("a", "1", UNTOLD),
                voice("b", "2", UNTOLD),
                voice("c", UNTOLD, "1"),
                voice("d", UNTOLD, "2"),
            ],
        );
        let said = "at block 9 a and b contradict each other: a says of queue 1, b 2";
        assert!(
            matches!(&accord, Accord::Disagree(words) if words.as_str() == said),
            "{accord:?}"
        );
    }
}
