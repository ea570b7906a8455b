//! Renders an assessment for people, code hosts and programs. Pure: writes into any
//! [`std::io::Write`], knows no files and no terminal.

pub mod inventory;
