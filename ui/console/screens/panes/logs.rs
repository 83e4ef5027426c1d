//! The log. It has no rows of its own: its lines are those of the process.

use casimir_dkg::view::RowId;

use super::{Describe, Names};
use crate::console::app::{App, Known, Stack};
use crate::console::widgets::table::{Cell, Column};

#[derive(Debug)]
pub(super) struct Logs;

impl Describe for Logs {
    type Row = RowId;

    fn names(&self) -> Names {
        Names::of("logs")
    }

    fn empty(&self) -> &'static str {
        ""
    }

    fn columns(&self, _: bool) -> &'static [Column] {
        &[]
    }

    fn rows<'a>(&self, _: Known<'a>) -> Stack<'a, RowId> {
        Stack::whole(&[])
    }

    fn id(&self, row: &RowId) -> RowId {
        *row
    }

    fn search(&self, _: &RowId) -> String {
        String::new()
    }

    fn cells(&self, _: &App, _: &RowId, _: bool) -> Vec<Cell> {
        Vec::new()
    }
}
