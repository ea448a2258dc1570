//! Login and logout by forms of pages that a server renders: bodies of forms, and redirects for answers.

mod answer;
mod body;
mod page_load;
mod pages;
mod renewal;
mod return_to;
mod routes;
mod token;

pub(super) use self::{
    answer::{COOKIES_DROPPED, NO_FORM},
    body::{Fields, accounts, login, wrong_field},
};
pub use self::{page_load::PageLoad, pages::FormPages, token::FormToken};
