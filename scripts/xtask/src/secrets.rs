//! Files of `NAME=value` lines: `.dev.vars` for development, one per environment on the operator's machine.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{files, keys};

/// Adds every secret that is missing, and says which.
pub fn complete(path: &Path) -> Result<()> {
    let mut file = Secrets::read(path)?;
    let mut made = Vec::new();
    for (name, make) in MAKERS {
        if file.get(name).is_none() {
            file.set(name, &make()?);
            made.push(*name);
        }
    }
    if !made.is_empty() {
        file.write(path)?;
        eprintln!("  made {} in {}", made.join(", "), path.display());
    }
    Ok(())
}

/// Prints one value without a line end.
pub fn show(name: &str, path: &Path) -> Result<()> {
    let file = Secrets::read(path)?;
    print!("{}", file.get(name).with_context(|| format!("{} holds no {name}", path.display()))?);
    Ok(())
}

type Maker = fn() -> Result<String>;
const MAKERS: &[(&str, Maker)] = &[
    ("TOKEN_KEYS", keys::new_token_ring),
    ("SEAL_KEYS", keys::new_seal_ring),
    ("OPS_TOKEN", files::random_password),
    ("SAML_KEYS", keys::new_saml_ring),
];

/// The lines of such a file, comments and order kept.
pub struct Secrets {
    lines: Vec<String>,
}

impl Secrets {
    /// Reads the file; one that does not exist is empty.
    pub fn read(path: &Path) -> Result<Self> {
        let text = if path.exists() { fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))? } else { String::new() };
        Ok(Self { lines: text.lines().map(str::to_owned).collect() })
    }

    /// The value of `name`, without its quotes.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| value_of(line, name))
    }

    /// Replaces or appends `name`. Values are JSON or hexadecimal, so single quotes hold them.
    pub fn set(&mut self, name: &str, value: &str) {
        let line = format!("{name}='{value}'");
        match self.lines.iter_mut().find(|line| value_of(line, name).is_some()) {
            Some(found) => *found = line,
            None => self.lines.push(line),
        }
    }

    /// Writes the file, readable to its owner only.
    pub fn write(&self, path: &Path) -> Result<()> {
        files::write_private(path, &format!("{}\n", self.lines.join("\n")))
    }
}

fn value_of<'line>(line: &'line str, name: &str) -> Option<&'line str> {
    let value = line.strip_prefix(name)?.strip_prefix('=')?.trim();
    Some(value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lines_survive() {
        let mut file = Secrets { lines: vec!["# mine".into(), "A='1'".into(), "AB=2".into()] };
        file.set("A", "[3]");
        file.set("C", "4");
        assert_eq!(file.lines, ["# mine", "A='[3]'", "AB=2", "C='4'"]);
        assert_eq!((file.get("A"), file.get("AB"), file.get("B")), (Some("[3]"), Some("2"), None));
    }
}
