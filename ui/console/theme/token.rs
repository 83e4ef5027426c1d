//! The words of the theme. A screen asks for a meaning; only a theme knows colours.

/// What a piece of the screen means. Every theme gives each token a style; a token that a theme does not name takes the
/// style of its parent theme, and at the end of that line the style of its [`Token::fallback`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Token {
    Text,
    Muted,
    Emphasis,
    Title,
    TitleFocus,
    Border,
    BorderFocus,
    Selection,
    Header,
    KeyHint,
    Ok,
    Warn,
    Danger,
    Info,
    Pending,
    Stale,
    NetworkMain,
    NetworkTest,
    ModeAuto,
    ModeSupervised,
    ModeObserve,
    Badge,
    Input,
    Match,
    Value,
}

impl Token {
    /// Every token, in the order of the theme table.
    pub(crate) const ALL: [Token; 25] = [
        Token::Text,
        Token::Muted,
        Token::Emphasis,
        Token::Title,
        Token::TitleFocus,
        Token::Border,
        Token::BorderFocus,
        Token::Selection,
        Token::Header,
        Token::KeyHint,
        Token::Ok,
        Token::Warn,
        Token::Danger,
        Token::Info,
        Token::Pending,
        Token::Stale,
        Token::NetworkMain,
        Token::NetworkTest,
        Token::ModeAuto,
        Token::ModeSupervised,
        Token::ModeObserve,
        Token::Badge,
        Token::Input,
        Token::Match,
        Token::Value,
    ];

    /// The name in theme files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Token::Text => "text",
            Token::Muted => "muted",
            Token::Emphasis => "emphasis",
            Token::Title => "title",
            Token::TitleFocus => "title-focus",
            Token::Border => "border",
            Token::BorderFocus => "border-focus",
            Token::Selection => "selection",
            Token::Header => "header",
            Token::KeyHint => "key-hint",
            Token::Ok => "ok",
            Token::Warn => "warn",
            Token::Danger => "danger",
            Token::Info => "info",
            Token::Pending => "pending",
            Token::Stale => "stale",
            Token::NetworkMain => "network-main",
            Token::NetworkTest => "network-test",
            Token::ModeAuto => "mode-auto",
            Token::ModeSupervised => "mode-supervised",
            Token::ModeObserve => "mode-observe",
            Token::Badge => "badge",
            Token::Input => "input",
            Token::Match => "match",
            Token::Value => "value",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Token> {
        Token::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Where the style comes from when neither the theme nor its parents name this token.
    pub(crate) fn fallback(self) -> Option<Token> {
        Some(match self {
            Token::Text => return None,
            Token::TitleFocus | Token::Badge | Token::Match => Token::Emphasis,
            Token::BorderFocus => Token::Border,
            Token::Pending | Token::Stale => Token::Muted,
            Token::NetworkMain | Token::ModeAuto => Token::Danger,
            Token::NetworkTest | Token::ModeSupervised | Token::ModeObserve => Token::Info,
            _ => Token::Text,
        })
    }
}
