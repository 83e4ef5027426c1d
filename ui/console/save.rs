//! The screen as text and as SVG, for reports and talks: drawn once more, not taken from the terminal.

use std::fmt::Write as _;
use std::path::Path;

use casimir_dkg::secrets::write_private;
use casimir_dkg::types::UnixMillis;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::app::App;
use super::screens;

/// Width and height of a character, in pixels.
const CELL: (f32, f32) = (8.4, 17.0);
/// What a terminal's own colours become: foreground, background.
const DEFAULT: (&str, &str) = ("#d8dee9", "#16181d");
/// The 16 named colours, as xterm has them.
const NAMED: [&str; 16] = [
    "#000000", "#cd3131", "#0dbc79", "#e5e510", "#2472c8", "#bc3fbc", "#11a8cd", "#cccccc", "#767676",
    "#f14c4c", "#23d18b", "#f5f543", "#3b8eea", "#d670d6", "#29b8db", "#ffffff",
];

/// Writes both files, named by the time, and says where they are.
pub(super) fn screen(app: &mut App, to: Option<&Path>, at: UnixMillis) -> Result<String, String> {
    let dir = to.ok_or("no state directory is configured")?;
    let size = app.size;
    let backend = TestBackend::new(size.width, size.height);
    let mut terminal = Terminal::new(backend).map_err(|error| error.to_string())?;
    terminal
        .draw(|frame| screens::draw(frame, app))
        .map_err(|error| error.to_string())?;
    let buffer = terminal.backend().buffer();
    let stamp = at.to_rfc3339()[..19].replace(':', "-");
    let stem = dir.join(format!("screen-{stamp}"));
    std::fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    for (extension, content) in [("txt", text(buffer)), ("svg", svg(buffer))] {
        let file = stem.with_extension(extension);
        write_private(&file, content.as_bytes()).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(format!("{}.txt and .svg", stem.display()))
}

/// Line by line, without what is empty at the end.
fn text(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut out = String::new();
    for y in area.rows() {
        let line: String = y.columns().map(|at| buffer[(at.x, at.y)].symbol()).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (width, height) = (f32::from(area.width) * CELL.0, f32::from(area.height) * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" font-family=\"monospace\" \
         font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
        DEFAULT.1
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let first = &buffer[(x, y)];
            let like = |at: &u16| {
                let cell = &buffer[(*at, y)];
                (cell.fg, cell.bg, cell.modifier) == (first.fg, first.bg, first.modifier)
            };
            let end = (x..area.width).find(|at| !like(at)).unwrap_or(area.width);
            let words: String = (x..end).map(|at| buffer[(at, y)].symbol()).collect();
            run(&mut out, first, &words, (x, y), end - x);
            x = end;
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Neighbours of one style.
fn run(out: &mut String, style: &Cell, words: &str, (x, y): (u16, u16), cells: u16) {
    let (mut fg, mut bg) = (colour(style.fg, DEFAULT.0), colour(style.bg, DEFAULT.1));
    if style.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut fg, &mut bg);
    }
    let (left, top) = (f32::from(x) * CELL.0, f32::from(y) * CELL.1);
    let wide = f32::from(cells) * CELL.0;
    if bg != DEFAULT.1 {
        // writing to a string cannot fail
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{:.1}\" fill=\"{bg}\"/>",
            CELL.1
        );
    }
    if words.trim().is_empty() {
        return;
    }
    let mut more = String::new();
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::DIM, " opacity=\"0.65\""),
    ] {
        if style.modifier.contains(modifier) {
            more.push_str(attribute);
        }
    }
    let words = words
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let _ = writeln!(
        out,
        "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{wide:.1}\" xml:space=\"preserve\" fill=\"{fg}\"{more}>{words}</text>",
        top + 13.0
    );
}

fn colour(colour: Color, default: &str) -> String {
    let named = |n: usize| NAMED[n].to_owned();
    match colour {
        Color::Reset => default.to_owned(),
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Indexed(n) => indexed(n),
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => named(8),
        Color::LightRed => named(9),
        Color::LightGreen => named(10),
        Color::LightYellow => named(11),
        Color::LightBlue => named(12),
        Color::LightMagenta => named(13),
        Color::LightCyan => named(14),
        Color::White => named(15),
    }
}

/// The 256-colour table: the named ones, a cube of 6, and 24 greys.
fn indexed(n: u8) -> String {
    match n {
        0..16 => NAMED[usize::from(n)].to_owned(),
        16..232 => {
            let level = |steps: u8| if steps == 0 { 0 } else { 55 + 40 * u16::from(steps) };
            let n = n - 16;
            format!(
                "#{:02x}{:02x}{:02x}",
                level(n / 36),
                level(n / 6 % 6),
                level(n % 6)
            )
        }
        232.. => {
            let grey = 8 + 10 * u16::from(n - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::tests::fixture;

    #[test]
    fn both_files_show_the_screen_and_carry_the_time() {
        let dir = tempfile::tempdir().unwrap();
        let mut app = fixture::app(fixture::busy());
        let to = dir.path().join("state");
        let said = screen(&mut app, Some(&to), fixture::T0).unwrap();
        assert!(said.contains("screen-2026-03-14T09-26-53.txt and .svg"), "{said}");
        let text = std::fs::read_to_string(to.join("screen-2026-03-14T09-26-53.txt")).unwrap();
        assert!(text.contains("approvals") && text.lines().count() == 40, "{text}");
        assert!(text.lines().all(|line| line == line.trim_end()));
        let svg = std::fs::read_to_string(to.join("screen-2026-03-14T09-26-53.svg")).unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        assert!(svg.contains("DEVNET") && !svg.contains("& "), "{svg}");
        assert!(screen(&mut app, None, fixture::T0).is_err());
        for entry in std::fs::read_dir(&to).unwrap() {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
