//! Secrets that are not written where they are used: in the environment, or in a file.

use std::{
    env::{self, VarError},
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// The location of a secret. Nothing here shows the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// `env:NAME`: an environment variable.
    Environment(String),
    /// `file:PATH`: a file, without the line feed at its end.
    File(PathBuf),
}

impl Secret {
    /// Reads a location; `None` when the text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("env", name) if !name.is_empty() && !name.contains(['=', '\0']) => {
                Some(Self::Environment(name.to_owned()))
            }
            ("file", path) if !path.is_empty() && !path.contains('\0') => {
                Some(Self::File(path.into()))
            }
            _ => None,
        }
    }

    /// Returns the secret. A relative path begins at `folder`.
    ///
    /// # Errors
    ///
    /// [`SecretError`], which names the location.
    pub fn read(&self, folder: &Path) -> Result<String, SecretError> {
        match self {
            Self::Environment(name) => env::var(name).map_err(|error| {
                SecretError(match error {
                    VarError::NotPresent => format!("the environment variable {name} is not set"),
                    VarError::NotUnicode(_) => {
                        format!("the environment variable {name} is not valid UTF-8")
                    }
                })
            }),
            Self::File(path) => {
                let path = folder.join(path);
                let text = fs::read_to_string(&path).map_err(|error| {
                    let name = path.display();
                    SecretError(match error.kind() {
                        io::ErrorKind::InvalidData => {
                            format!("the file {name} is not valid UTF-8")
                        }
                        _ => format!("the file {name} cannot be read: {error}"),
                    })
                })?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
            }
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

/// A secret that cannot be read: one line for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretError(String);

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SecretError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_variable_or_a_file() {
        let env = Secret::Environment("A".to_owned());
        assert_eq!(Secret::parse("env:A"), Some(env));
        assert_eq!(Secret::parse("file:a/b"), Some(Secret::File("a/b".into())));
        for text in ["", "A", "env:", "env:A=B", "file:", "sqlite:a", "Env:A"] {
            assert_eq!(Secret::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_file_is_read_without_the_end_of_its_line() {
        let folder = env::temp_dir().join(format!("countersign-secret-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (content, secret) in [
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a", "a"),
            (" a \n\n", " a \n"),
        ] {
            fs::write(folder.join("secret"), content).unwrap();
            let read = Secret::File("secret".into()).read(&folder);
            assert_eq!(read.as_deref(), Ok(secret));
        }
        fs::remove_dir_all(&folder).unwrap();
        let error = Secret::File("secret".into()).read(&folder).unwrap_err();
        assert!(error.to_string().contains("cannot be read"), "{error}");
    }
}
