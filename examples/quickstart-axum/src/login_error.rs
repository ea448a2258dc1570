//! Why a login gets no token.

use axum::{
    extract::rejection::JsonRejection,
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use countersign::{adapter::Reply, issue::IssueError, session::TooManyLogins};
use countersign_tower::SessionReply;
use demo::NotChecked;

use crate::answers::message;

/// Why a login gets no token. It is the answer, too.
pub(crate) enum LoginError {
    /// Our own trouble. The client need not know which.
    Internal,
    /// Too many have failed before it.
    Limited(TooManyLogins),
    /// It came with too many others.
    TooMany,
    /// It cannot be read.
    Unreadable(StatusCode),
    /// It does not say whether the address or the password is wrong.
    Wrong,
}

impl IntoResponse for LoginError {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Limited(refused) => return SessionReply(Reply::from(&refused)).into_response(),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong"),
            Self::TooMany => (StatusCode::SERVICE_UNAVAILABLE, demo::TOO_MANY_LOGINS),
            Self::Unreadable(status) => (status, demo::unreadable(status.as_u16())),
            Self::Wrong => (StatusCode::UNAUTHORIZED, "Invalid email or password"),
        };
        let answer = message(status, text);
        match self {
            Self::TooMany => ([(RETRY_AFTER, "1")], answer).into_response(),
            _ => answer,
        }
    }
}

impl From<IssueError> for LoginError {
    fn from(error: IssueError) -> Self {
        demo::complain(format_args!("error: {error}"));
        Self::Internal
    }
}

impl From<NotChecked> for LoginError {
    fn from(why: NotChecked) -> Self {
        match why {
            NotChecked::Busy => Self::TooMany,
            NotChecked::Limited(refused) => Self::Limited(refused),
            _ => Self::Internal,
        }
    }
}

impl From<JsonRejection> for LoginError {
    fn from(rejection: JsonRejection) -> Self {
        Self::Unreadable(rejection.status())
    }
}
