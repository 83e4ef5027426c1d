//! From the colours of a theme to the colours of a terminal. ratatui and crossterm send what they are given, so a
//! terminal without true colour would show arbitrary colours.

use ratatui::style::{Color, Modifier, Style};

use super::Depth;

/// The style as a terminal of that colour depth can show it.
pub(crate) fn style(style: Style, depth: Depth) -> Style {
    match depth {
        Depth::True => style,
        Depth::Indexed | Depth::Ansi => Style {
            fg: style.fg.map(|c| color(c, depth)),
            bg: style.bg.map(|c| color(c, depth)),
            ..style
        },
        Depth::Mono => {
            // a background says "this row" or "this badge": without colours reversing says it
            let marked = style.bg.is_some_and(|bg| bg != Color::Reset);
            let plain = Style {
                fg: None,
                bg: None,
                underline_color: None,
                ..style
            };
            if marked {
                plain.add_modifier(Modifier::REVERSED)
            } else {
                plain
            }
        }
    }
}

fn color(color: Color, depth: Depth) -> Color {
    match (color, depth) {
        (Color::Rgb(r, g, b), Depth::Indexed) => Color::Indexed(cube(r, g, b)),
        (Color::Rgb(r, g, b), _) => ansi(r, g, b),
        (Color::Indexed(i), Depth::Ansi) if i >= 16 => {
            let (r, g, b) = indexed_rgb(i);
            ansi(r, g, b)
        }
        (other, _) => other,
    }
}

/// The nearest of the 6×6×6 cube and the 24 greys (indices 16 to 255, whose values no terminal changes).
fn cube(r: u8, g: u8, b: u8) -> u8 {
    (16..=255)
        .min_by_key(|&i| distance((r, g, b), indexed_rgb(i)))
        .unwrap_or(16)
}

/// Value of an index of the 256-colour table as xterm defines it.
pub(super) fn indexed_rgb(i: u8) -> (u8, u8, u8) {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match i {
        0..=15 => ANSI_RGB[usize::from(i)].1,
        16..=231 => {
            let n = usize::from(i - 16);
            (STEPS[n / 36], STEPS[n / 6 % 6], STEPS[n % 6])
        }
        232..=255 => {
            let v = 8 + 10 * (i - 232);
            (v, v, v)
        }
    }
}

/// xterm's default values of the 16 named colours, in index order.
pub(super) const ANSI_RGB: [(Color, (u8, u8, u8)); 16] = [
    (Color::Black, (0, 0, 0)),
    (Color::Red, (205, 0, 0)),
    (Color::Green, (0, 205, 0)),
    (Color::Yellow, (205, 205, 0)),
    (Color::Blue, (0, 0, 238)),
    (Color::Magenta, (205, 0, 205)),
    (Color::Cyan, (0, 205, 205)),
    (Color::Gray, (229, 229, 229)),
    (Color::DarkGray, (127, 127, 127)),
    (Color::LightRed, (255, 0, 0)),
    (Color::LightGreen, (0, 255, 0)),
    (Color::LightYellow, (255, 255, 0)),
    (Color::LightBlue, (92, 92, 255)),
    (Color::LightMagenta, (255, 0, 255)),
    (Color::LightCyan, (0, 255, 255)),
    (Color::White, (255, 255, 255)),
];

fn ansi(r: u8, g: u8, b: u8) -> Color {
    ANSI_RGB
        .iter()
        .min_by_key(|(_, rgb)| distance((r, g, b), *rgb))
        .map_or(Color::Reset, |(color, _)| *color)
}

/// Squared distance, weighted roughly as the eye weighs the channels.
fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let d = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    3 * d(a.0, b.0) + 6 * d(a.1, b.1) + d(a.2, b.2)
}
