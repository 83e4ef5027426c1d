//! What is typed or piped in, line by line. A line that cannot be taken is refused in words, and the next one is read: who
//! pastes one wrong byte must not lose what comes after it, let alone stop the engine by it.

use std::io::{self, BufRead, Read as _};

use tokio::sync::mpsc;

/// Longest line, in bytes. No command is nearly as long.
const MOST: u64 = 64 * 1024;

/// A line, or why it is not taken.
pub(super) type Typed = Result<String, String>;

/// Lines of standard input, until its end. The thread that reads them cannot be cut off and ends with the process.
pub(super) fn lines() -> mpsc::Receiver<Typed> {
    let (sender, lines) = mpsc::channel(16);
    std::thread::spawn(move || read(io::stdin().lock(), |typed| sender.blocking_send(typed).is_ok()));
    lines
}

/// Gives every line away until the end, or until nobody takes them.
fn read(mut input: impl BufRead, mut give: impl FnMut(Typed) -> bool) {
    for number in 1_u64.. {
        let typed = match next(&mut input) {
            Ok(Some(bytes)) => line(number, bytes),
            Ok(None) => return,
            Err(error) => {
                give(Err(format!("standard input cannot be read any further: {error}")));
                return;
            }
        };
        if !give(typed) {
            return;
        }
    }
}

/// The bytes of the next line, at most one more than a line may have; none at the end.
fn next(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    if input.by_ref().take(MOST + 1).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.ends_with(b"\n") {
        bytes.pop();
        return Ok(Some(bytes));
    }
    if bytes.len() as u64 > MOST {
        input.skip_until(b'\n')?;
    }
    Ok(Some(bytes))
}

fn line(number: u64, bytes: Vec<u8>) -> Typed {
    if bytes.len() as u64 > MOST {
        return Err(format!(
            "line {number} is longer than {MOST} bytes: it was not taken"
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to() + 1;
        format!("line {number} is not UTF-8, from byte {at} on: it was not taken; what follows is")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8]) -> Vec<Typed> {
        let mut all = Vec::new();
        read(input, |typed| {
            all.push(typed);
            true
        });
        all
    }

    #[test]
    fn a_line_that_is_not_utf_8_is_refused_and_the_next_is_read() {
        let typed = all(b"status\nab\xffc\r\n\nwaiting");
        assert_eq!(typed[0], Ok("status".to_owned()));
        let refused = typed[1].as_ref().unwrap_err();
        assert!(refused.contains("line 2 is not UTF-8, from byte 3"), "{refused}");
        assert_eq!(typed[2..], [Ok(String::new()), Ok("waiting".to_owned())]);
    }

    #[test]
    fn a_line_without_end_is_refused_without_being_kept_and_the_next_is_read() {
        let most = usize::try_from(MOST).unwrap();
        let mut input = vec![b'x'; most];
        input.push(b'\n');
        input.extend(vec![b'y'; 3 * most]);
        input.extend(b"\nquit");
        let typed = all(&input);
        assert_eq!(typed[0].as_ref().map(String::len), Ok(most));
        let refused = typed[1].as_ref().unwrap_err();
        assert!(refused.contains("line 2 is longer than 65536 bytes"), "{refused}");
        assert_eq!(typed[2..], [Ok("quit".to_owned())]);
    }

    #[test]
    fn nothing_is_read_for_nobody() {
        let mut given = 0;
        read(&b"a\nb\n"[..], |_| {
            given += 1;
            false
        });
        assert_eq!(given, 1);
    }
}
