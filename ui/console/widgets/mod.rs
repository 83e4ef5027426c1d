//! Pieces of screens that know nothing of what they show.

pub(crate) mod footer;
pub(crate) mod format;
pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod log;
pub(crate) mod page;
pub(crate) mod sign;
pub(crate) mod spark;
pub(crate) mod status;
pub(crate) mod statusline;
pub(crate) mod table;
pub(crate) mod tabs;
pub(crate) mod text;
