//! The one table of commands. Dispatch, footer, help, the key reference and the tests all read it.

use crate::console::app::Tab;
use crate::console::screens::panes::Pane;

/// Groups of commands. Which groups are heard at a moment is [`Scene::groups`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Group {
    Always,
    /// Over everything but text fields and the question whether to leave.
    Over,
    Global,
    Move,
    List,
    Logs,
    Detail,
    Work,
    Ask,
    Input,
    Copy,
    Committee,
    Batch,
    Quit,
    Help,
    Messages,
    Palette,
    Closed,
}

impl Group {
    /// Every group, in the order of the help.
    pub(crate) const ALL: [Group; 18] = [
        Group::Work,
        Group::Ask,
        Group::Move,
        Group::List,
        Group::Detail,
        Group::Logs,
        Group::Committee,
        Group::Batch,
        Group::Copy,
        Group::Input,
        Group::Quit,
        Group::Help,
        Group::Messages,
        Group::Palette,
        Group::Closed,
        Group::Global,
        Group::Over,
        Group::Always,
    ];

    /// Name in the key section of the configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Group::Always => "always",
            Group::Over => "over",
            Group::Global => "global",
            Group::Move => "move",
            Group::List => "list",
            Group::Logs => "logs",
            Group::Detail => "detail",
            Group::Work => "work",
            Group::Ask => "ask",
            Group::Input => "input",
            Group::Copy => "copy",
            Group::Committee => "committee",
            Group::Batch => "batch",
            Group::Quit => "quit",
            Group::Help => "help",
            Group::Messages => "messages",
            Group::Palette => "palette",
            Group::Closed => "closed",
        }
    }

    /// Heading in the help.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Group::Always => "Always",
            Group::Over => "Everywhere, over questions too, but not while text is typed",
            Group::Global => "Everywhere",
            Group::Move => "Moving",
            Group::List => "In a list",
            Group::Logs => "In the log",
            Group::Detail => "In a detail view",
            Group::Work => "On the selected row, or the thing in view",
            Group::Ask => "When asked to confirm",
            Group::Input => "In a text field",
            Group::Copy => "In the copy list",
            Group::Committee => "In the committee editor",
            Group::Batch => "On the page of what is marked",
            Group::Quit => "When asked whether to quit",
            Group::Help => "In this help",
            Group::Messages => "In the messages",
            Group::Palette => "In the list of commands",
            Group::Closed => {
                "When something closed by itself while you typed or answered; no other key is heard then"
            }
        }
    }
}

/// What has the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scene {
    List,
    Logs,
    Detail,
    Ask,
    Input,
    Copy,
    Committee,
    Batch,
    Quit,
    Help,
    Messages,
    Palette,
    Closed,
}

impl Scene {
    pub(crate) const ALL: [Scene; 13] = [
        Scene::List,
        Scene::Logs,
        Scene::Detail,
        Scene::Ask,
        Scene::Input,
        Scene::Copy,
        Scene::Committee,
        Scene::Batch,
        Scene::Quit,
        Scene::Help,
        Scene::Messages,
        Scene::Palette,
        Scene::Closed,
    ];

    /// The groups that are heard, most specific first.
    pub(crate) fn groups(self) -> &'static [Group] {
        use Group as G;
        match self {
            Scene::List => &[G::Work, G::List, G::Move, G::Global, G::Over, G::Always],
            Scene::Logs => &[G::Logs, G::Move, G::Global, G::Over, G::Always],
            Scene::Detail => &[G::Work, G::Detail, G::Move, G::Global, G::Over, G::Always],
            Scene::Ask => &[G::Ask, G::Move, G::Over, G::Always],
            Scene::Input => &[G::Input, G::Always],
            Scene::Copy => &[G::Copy, G::Move, G::Over, G::Always],
            Scene::Committee => &[G::Committee, G::Move, G::Over, G::Always],
            Scene::Batch => &[G::Batch, G::Always],
            Scene::Quit => &[G::Quit, G::Always],
            Scene::Help => &[G::Help, G::Move, G::Over, G::Always],
            Scene::Messages => &[G::Messages, G::Move, G::Over, G::Always],
            Scene::Palette => &[G::Palette, G::Always],
            Scene::Closed => &[G::Closed, G::Always],
        }
    }
}

/// What a key can make the console do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Command {
    Interrupt,
    Redraw,
    Suspend,
    Help,
    Back,
    Leave,
    Palette,
    Run,
    Theme,
    SaveScreen,
    Search,
    FindNext,
    FindPrevious,
    Unfold,
    Tab(u8),
    NextPane,
    PreviousPane,
    NextWaiting,
    PreviousWaiting,
    Zoom,
    PauseAll,
    Mode,
    Adopt,
    Director,
    Status,
    Charts,
    Messages,
    Mouse,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Open,
    Left,
    Right,
    Filter,
    Clear,
    LogMore,
    LogLess,
    Close,
    Follow,
    Approve,
    Reject,
    Committee,
    Retry,
    Pause,
    Reshare,
    Exit,
    RedoKey,
    TakeBack,
    GiveUp,
    Copy,
    Yes,
    No,
    Submit,
    Cancel,
    CopyThis,
    Toggle,
    Propose,
    Mark,
    Batch,
    ApproveAll,
    Sort,
    SortTurned,
    Past,
    Audit,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) command: Command,
    pub(crate) group: Group,
    /// Name in the key section of the configuration.
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [&'static str],
    /// One or two words for the footer; empty keeps it out of the footer.
    pub(crate) label: &'static str,
    /// A sentence for the help.
    pub(crate) help: &'static str,
    /// Changes what the oracle does. Not there at all in read-only mode.
    pub(crate) dangerous: bool,
}

impl Row {
    /// The sentence for the help, where these are the panes; `None` for the number of a tab that is not there.
    pub(crate) fn help(&self, panes: &[Pane]) -> Option<&'static str> {
        match self.command {
            Command::Tab(number) => Tab::numbered(panes, number).map(Tab::title),
            _ => Some(self.help),
        }
    }
}

const fn row(
    group: Group,
    command: Command,
    name: &'static str,
    keys: &'static [&'static str],
    label: &'static str,
    help: &'static str,
) -> Row {
    Row {
        command,
        group,
        name,
        keys,
        label,
        help,
        dangerous: false,
    }
}

const fn dangerous(row: Row) -> Row {
    Row {
        dangerous: true,
        ..row
    }
}

use Command as C;
use Group as G;

/// The table. Plain letters only: Alt and the Ctrl letters of tmux, screen and zellij are left to them.
#[rustfmt::skip]
pub(crate) const TABLE: &[Row] = &[
    dangerous(row(G::Work, C::Approve, "approve", &["a"], "approve", "open what waits, then approve it; asks once more before anything is sent")),
    dangerous(row(G::Work, C::TakeBack, "take-back", &["u"], "take back", "take an approval back while nothing of it has left this machine")),
    dangerous(row(G::Work, C::Reject, "reject", &["x"], "reject", "reject the action, with a reason for the journal")),
    dangerous(row(G::Work, C::Committee, "committee", &["e"], "committee", "choose the operators of a key generation or reshare that waits")),
    dangerous(row(G::Work, C::Retry, "retry", &["r"], "retry", "take up a rejected or failed case again, or look again at once")),
    dangerous(row(G::Work, C::Mark, "mark", &["space"], "mark", "mark what waits, or take its mark away: like actions are approved together")),
    dangerous(row(G::Work, C::Pause, "pause", &["p"], "pause", "pause or resume the selected case")),
    dangerous(row(G::Work, C::Reshare, "reshare", &["R"], "reshare", "request a reshare for a staked pool by hand (validators)")),
    dangerous(row(G::Work, C::Exit, "exit", &["E"], "exit", "request the exit of a staked pool's validator by hand (validators)")),
    dangerous(row(G::Work, C::RedoKey, "another-key", &["K"], "another key", "have another committee make another key for a deposit; the present one is never used")),
    dangerous(row(G::Work, C::GiveUp, "give-up", &["X"], "give up", "give the case up, with a reason for the journal; only a retry takes it up again")),
    dangerous(row(G::Work, C::Batch, "approve-marked", &["B"], "approve marked", "one page of all that is marked, approved by typing how many they are")),
    row(G::Work, C::Audit, "audit", &["w"], "", "write the audit page of the case: all of it from the journal, and how to verify it"),
    row(G::Work, C::Copy, "copy", &["c"], "copy", "show the full values and copy one to the clipboard"),

    row(G::List, C::Open, "open", &["enter"], "open", "open the selected row"),
    row(G::List, C::Filter, "filter", &["/"], "filter", "show only rows that contain a text"),
    row(G::List, C::Clear, "clear", &["esc"], "", "clear the filter; without one, the selection follows what matters again"),
    row(G::List, C::Sort, "sort", &["o"], "", "sort by the next thing, and after the last by what matters again"),
    row(G::List, C::SortTurned, "sort-turned", &["O"], "", "sort the other way round"),
    row(G::List, C::Zoom, "zoom", &["z"], "zoom", "give the pane the whole screen, or go back to the overview"),
    row(G::List, C::Left, "left", &["left", "h"], "", "pane to the left"),
    row(G::List, C::Right, "right", &["right", "l"], "", "pane to the right"),
    row(G::Logs, C::LogMore, "more", &["+", "="], "more", "show less important lines too"),
    row(G::Logs, C::LogLess, "less", &["-"], "less", "show only more important lines"),
    row(G::Logs, C::Filter, "filter", &["f"], "filter", "show only lines that contain a text"),
    row(G::Logs, C::Search, "search", &["/"], "search", "search the lines that are shown"),
    row(G::Logs, C::FindNext, "next", &["n"], "", "the next line that has it"),
    row(G::Logs, C::FindPrevious, "previous", &["N"], "", "the line before"),
    row(G::Logs, C::Clear, "clear", &["esc"], "", "clear the filter"),
    row(G::Logs, C::Zoom, "zoom", &["z"], "zoom", "give the log the whole screen, or go back to the overview"),
    row(G::Logs, C::Left, "left", &["left", "h"], "", "pane to the left"),
    row(G::Logs, C::Right, "right", &["right", "l"], "", "pane to the right"),

    row(G::Detail, C::Follow, "follow", &["enter", "right", "l"], "follow", "go to the action or ceremony that this points to"),
    row(G::Detail, C::Close, "close", &["esc", "left", "h"], "back", "back to where you came from"),
    row(G::Detail, C::Unfold, "unfold", &["b"], "bytes", "open or fold raw bytes, and what is said of each operator"),
    row(G::Detail, C::Search, "search", &["/"], "search", "search the page"),
    row(G::Detail, C::FindNext, "next", &["n"], "", "the next place that has it"),
    row(G::Detail, C::FindPrevious, "previous", &["N"], "", "the place before"),

    row(G::Move, C::Up, "up", &["up", "k"], "", "up"),
    row(G::Move, C::Down, "down", &["down", "j"], "", "down"),
    row(G::Move, C::PageUp, "page-up", &["pageup", "ctrl-u"], "", "one page up"),
    row(G::Move, C::PageDown, "page-down", &["pagedown", "ctrl-d"], "", "one page down"),
    row(G::Move, C::Top, "top", &["home", "g"], "", "first line"),
    row(G::Move, C::Bottom, "bottom", &["end", "G"], "", "last line"),

    dangerous(row(G::Ask, C::Yes, "yes", &["y"], "yes", "yes, do it")),
    row(G::Ask, C::No, "no", &["esc", "n", "q"], "back", "no, go back"),

    row(G::Input, C::Submit, "submit", &["enter"], "done", "take the text"),
    row(G::Input, C::Cancel, "cancel", &["esc"], "cancel", "leave the field"),

    row(G::Copy, C::CopyThis, "copy", &["enter", "c"], "copy", "copy the selected value"),
    row(G::Copy, C::Close, "close", &["esc", "q"], "close", "close"),

    dangerous(row(G::Committee, C::Toggle, "toggle", &["space"], "take / drop", "put the operator in or out")),
    dangerous(row(G::Committee, C::Propose, "propose", &["enter"], "propose", "propose this committee; the action must then be approved anew")),
    row(G::Committee, C::Close, "close", &["esc", "q"], "cancel", "leave everything as it was"),

    dangerous(row(G::Batch, C::ApproveAll, "approve", &["enter"], "approve", "approve each of them, once how many they are is typed")),
    row(G::Batch, C::Up, "up", &["up", "k"], "", "up"),
    row(G::Batch, C::Down, "down", &["down", "j"], "", "down"),
    row(G::Batch, C::PageUp, "page-up", &["pageup"], "", "one page up"),
    row(G::Batch, C::PageDown, "page-down", &["space", "pagedown"], "more", "one page down"),
    row(G::Batch, C::Close, "close", &["esc", "q"], "cancel", "leave everything as it was"),

    row(G::Quit, C::Yes, "yes", &["y"], "quit", "finish what must not be interrupted and stop"),
    row(G::Quit, C::No, "no", &["esc", "n", "q"], "stay", "stay"),

    row(G::Help, C::Close, "close", &["esc", "q", "?", "f1"], "close", "close"),
    row(G::Help, C::Search, "search", &["/"], "search", "search this help"),
    row(G::Help, C::FindNext, "next", &["n"], "next", "the next place that has it"),
    row(G::Help, C::FindPrevious, "previous", &["N"], "", "the place before"),

    row(G::Messages, C::Close, "close", &["esc", "q", "!"], "close", "close"),

    row(G::Palette, C::Run, "run", &["enter"], "do it", "do what is selected, as its key would"),
    row(G::Palette, C::Up, "up", &["up"], "", "up"),
    row(G::Palette, C::Down, "down", &["down", "tab"], "", "down"),
    row(G::Palette, C::PageUp, "page-up", &["pageup"], "", "one page up"),
    row(G::Palette, C::PageDown, "page-down", &["pagedown"], "", "one page down"),
    row(G::Palette, C::Close, "close", &["esc"], "close", "close"),

    row(G::Closed, C::Close, "close", &["esc"], "go on", "go on, once it is read what happened"),

    row(G::Global, C::NextPane, "next-pane", &["tab"], "next", "next pane"),
    row(G::Global, C::PreviousPane, "previous-pane", &["shift-tab"], "", "previous pane"),
    row(G::Global, C::NextWaiting, "next-waiting", &["]"], "", "the next of all that wait for a decision"),
    row(G::Global, C::PreviousWaiting, "previous-waiting", &["["], "", "the one before"),
    row(G::Global, C::Tab(1), "tab-1", &["1"], "", "the overview"),
    row(G::Global, C::Tab(2), "tab-2", &["2"], "", "the pane with this number"),
    row(G::Global, C::Tab(3), "tab-3", &["3"], "", "the pane with this number"),
    row(G::Global, C::Tab(4), "tab-4", &["4"], "", "the pane with this number"),
    row(G::Global, C::Tab(5), "tab-5", &["5"], "", "the pane with this number"),
    row(G::Global, C::Tab(6), "tab-6", &["6"], "", "the pane with this number"),
    row(G::Global, C::Tab(7), "tab-7", &["7"], "", "the pane with this number"),
    row(G::Global, C::Tab(8), "tab-8", &["8"], "", "the pane with this number"),
    row(G::Global, C::Tab(9), "tab-9", &["9"], "", "the pane with this number"),
    dangerous(row(G::Global, C::PauseAll, "pause-all", &["P"], "", "pause everything, or resume: while paused nothing leaves this machine")),
    dangerous(row(G::Global, C::Mode, "mode", &["M"], "", "have somebody else decide: nobody (observe), a person (supervised) or the rules (auto)")),
    dangerous(row(G::Global, C::Adopt, "adopt", &["T"], "", "take over an account with a past that this journal does not know, where one waits for it")),
    row(G::Global, C::Director, "director", &["D"], "director", "in the demo: the levers of its network, such as more pools, a dead operator, a reorganisation"),
    row(G::Global, C::Status, "status", &["i"], "", "the state of network, endpoints, operators and journal"),
    row(G::Global, C::Past, "past", &["H"], "", "look at a past moment of the journal, where nothing can be decided; and back"),
    row(G::Global, C::Charts, "charts", &["C"], "", "charts: times to answer, ceremonies, base fee, ready queue"),
    row(G::Global, C::Messages, "messages", &["!"], "whole", "everything that is said in one line, whole: what stands now, and the newest messages"),
    row(G::Global, C::Palette, "commands", &[":"], "", "every command as a list to type into, with what cannot be done now and why"),
    row(G::Global, C::Theme, "theme", &["t"], "", "the next theme; it is remembered, unless the configuration names one"),
    row(G::Global, C::Mouse, "mouse", &["m"], "", "let the console have the mouse, or give it back to the terminal for selecting text"),
    row(G::Global, C::Help, "help", &["?", "f1"], "help", "this help"),
    row(G::Global, C::Back, "quit", &["q"], "quit", "back; at the top, asks whether to leave"),

    row(G::Over, C::Leave, "leave", &["Q"], "", "leave from anywhere: asks, and names what waits and what is in flight"),
    row(G::Over, C::SaveScreen, "save-screen", &["s"], "", "save the screen as text and as SVG, in the state directory"),

    row(G::Always, C::Interrupt, "interrupt", &["ctrl-c"], "", "asks whether to quit; a second time: quits at once"),
    row(G::Always, C::Redraw, "redraw", &["ctrl-l"], "", "paint the whole screen again"),
    row(G::Always, C::Suspend, "suspend", &["ctrl-z"], "", "suspending would stop the oracle too: says what to do instead"),
];
