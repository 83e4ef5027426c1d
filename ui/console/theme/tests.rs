use std::fs;

use ratatui::style::{Color, Modifier};

use super::load::{BUILT_IN, load};
use super::*;

/// Relative luminance and contrast ratio as WCAG 2 defines them.
fn luminance((r, g, b): (u8, u8, u8)) -> f64 {
    let channel = |v: u8| {
        let v = f64::from(v) / 255.0;
        if v <= 0.04045 {
            v / 12.92
        } else {
            ((v + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
}

fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn rgb(color: Option<Color>) -> Option<(u8, u8, u8)> {
    match color {
        Some(Color::Rgb(r, g, b)) => Some((r, g, b)),
        _ => None,
    }
}

#[test]
fn every_built_in_theme_names_every_token() {
    for (name, text) in BUILT_IN {
        let file: toml::Table = toml::from_str(text).unwrap();
        if file.contains_key("inherits") {
            load(name, None).unwrap();
            continue;
        }
        for token in Token::ALL {
            assert!(
                file["styles"].get(token.name()).is_some(),
                "{name} does not set {}",
                token.name()
            );
        }
    }
}

#[test]
fn themes_with_own_colours_reach_the_contrast_floor() {
    for (name, _) in BUILT_IN {
        let theme = load(name, None).unwrap();
        // the usual darkest and lightest backgrounds a user of such a theme has
        let backgrounds: &[(u8, u8, u8)] = match theme.appearance() {
            Appearance::Dark => &[(0, 0, 0), (30, 30, 30)],
            Appearance::Light => &[(255, 255, 255), (245, 245, 240)],
            Appearance::Any => {
                for token in Token::ALL {
                    let style = theme.get(token);
                    assert!(
                        rgb(style.fg).is_none() && rgb(style.bg).is_none(),
                        "{name}.{}: a theme for any background must leave colours to the terminal",
                        token.name()
                    );
                }
                continue;
            }
        };
        for token in Token::ALL {
            let style = theme.get(token);
            let fg = rgb(style.fg).unwrap_or_else(|| panic!("{name}.{} has no colour", token.name()));
            let floor = match (name, token) {
                ("high-contrast", Token::Border) => 4.5,
                ("high-contrast", _) => 7.0,
                // lines are not read
                (_, Token::Border | Token::BorderFocus) => 3.0,
                _ => 4.5,
            };
            let against = rgb(style.bg).map_or(backgrounds.to_vec(), |bg| vec![bg]);
            for bg in against {
                let ratio = contrast(fg, bg);
                assert!(
                    ratio >= floor,
                    "{name}.{}: {ratio:.1} on {bg:?}, wanted {floor}",
                    token.name()
                );
            }
        }
    }
}

#[test]
fn mono_sets_no_colour_and_still_shows_selection_and_danger() {
    for (name, _) in BUILT_IN {
        let theme = Theme::choose(Some(name), None, Depth::Mono).unwrap();
        for token in Token::ALL {
            let style = theme.get(token);
            assert_eq!((style.fg, style.bg), (None, None), "{name}.{}", token.name());
        }
        assert!(
            theme
                .get(Token::Selection)
                .add_modifier
                .contains(Modifier::REVERSED),
            "{name}"
        );
    }
    let mono = Theme::choose(None, None, Depth::Mono).unwrap();
    assert_ne!(mono.get(Token::Danger), mono.get(Token::Text));
    assert_eq!(
        load("mono", None).unwrap().get(Token::Text).fg,
        None,
        "mono names no colour itself"
    );
}

#[test]
fn sixteen_and_256_colours_are_computed_here() {
    for (depth, allowed) in [
        (
            Depth::Ansi,
            (|c| !matches!(c, Color::Rgb(..) | Color::Indexed(16..))) as fn(Color) -> bool,
        ),
        (Depth::Indexed, |c| !matches!(c, Color::Rgb(..))),
    ] {
        for (name, _) in BUILT_IN {
            let theme = Theme::choose(Some(name), None, depth).unwrap();
            for token in Token::ALL {
                let style = theme.get(token);
                for color in [style.fg, style.bg].into_iter().flatten() {
                    assert!(allowed(color), "{name}.{} {color:?} at {depth:?}", token.name());
                }
            }
        }
    }
    let dark = Theme::choose(Some("dark"), None, Depth::Ansi).unwrap();
    assert_eq!(dark.get(Token::Emphasis).fg, Some(Color::White));
}

#[test]
fn a_user_theme_patches_a_built_in_one_and_mistakes_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(format!("{name}.toml")), text).unwrap();
    let fails = |name: &str| format!("{:#}", load(name, Some(dir.path())).unwrap_err());

    write(
        "mine",
        "inherits = \"dark\"\n[styles]\nok = { fg = \"#00ff00\", add = [\"bold\"] }\n",
    );
    let theme = load("mine", Some(dir.path())).unwrap();
    assert_eq!(theme.get(Token::Ok).fg, Some(Color::Rgb(0, 255, 0)));
    assert_eq!(
        theme.get(Token::Warn),
        load("dark", None).unwrap().get(Token::Warn)
    );

    let file = dir.path().join("mine.toml");
    assert_eq!(
        load(file.to_str().unwrap(), None).unwrap().get(Token::Ok),
        theme.get(Token::Ok)
    );
    let blind = |name| load(name, None).unwrap().get(Token::Danger);
    for other in ["colorblind", "color-blind", "colourblind"] {
        assert_eq!(blind("colour-blind"), blind(other));
        let all = Theme::all(Some(other), None, Depth::True).unwrap();
        let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[0], "colour-blind");
        assert_eq!(names.len(), BUILT_IN.len(), "each once: {names:?}");
    }
    // a person's own file keeps whichever spelling it has
    write("colorblind", "[styles]\nok = { fg = \"#00ff01\" }\n");
    for name in ["colour-blind", "colorblind"] {
        let own = load(name, Some(dir.path())).unwrap();
        assert_eq!(own.get(Token::Ok).fg, Some(Color::Rgb(0, 255, 1)), "{name}");
    }

    write("loop-a", "inherits = \"loop-b\"");
    write("loop-b", "inherits = \"loop-a\"");
    assert!(fails("loop-a").contains("inherits itself"));
    write("typo", "[styles]\nselectoin = {}\n");
    assert!(
        fails("typo").contains("did you mean \"selection\""),
        "{}",
        fails("typo")
    );
    write("colour", "[styles]\nok = { fg = \"greenish\" }\n");
    assert!(fails("colour").contains("styles.ok"), "{}", fails("colour"));
    write("key", "colour = 1\n");
    assert!(fails("key").contains("unknown field"), "{}", fails("key"));
    assert!(fails("absent").contains("high-contrast"));
    assert!(fails("../etc/passwd").contains("letters, digits"));
}

/// Help, sample, key reference and the message of a wrong name have one list.
#[test]
fn every_list_of_themes_names_them_all_alike() {
    let names = BUILT_IN.map(|(name, _)| name).join(", ");
    let wrong = load("absent", None).unwrap_err().to_string();
    assert!(wrong.contains(&names), "{wrong}");
    for (place, text) in [
        ("the sample", include_str!("../../../config/casimir-dkg.toml")),
        ("the arguments", include_str!("../../args/oracle.rs")),
        ("the demo's arguments", include_str!("../../args/demo.rs")),
        (
            "the keys of [ui]",
            include_str!("../../../src/config/section/ui.rs"),
        ),
    ] {
        assert!(text.contains(&names), "{place} does not list {names}");
    }
}
