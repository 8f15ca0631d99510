//! A browser without a screen: keeps cookies, finds forms, sends them as a page would have it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use crate::{answer::Answer, client::Api, people::Person, random};

/// The public host.
pub const PUBLIC: &str = "getzygo.localhost";

/// Somebody at a browser.
#[derive(Debug, Clone)]
pub struct Browser {
    api: Api,
    host: String,
    cookies: BTreeMap<String, String>,
    language: &'static str,
}

/// A page that a browser shows.
#[derive(Debug, Clone)]
pub struct Page {
    /// Path and query that it was asked for by.
    pub path: String,
    /// The answer.
    pub answer: Answer,
    /// Its text.
    pub html: String,
}

/// A form of a page: where it goes, and what it would send as it stands.
#[derive(Debug, Clone)]
pub struct Form {
    /// Where it goes.
    pub action: String,
    /// Its fields.
    pub fields: BTreeMap<String, String>,
}

impl Browser {
    /// A browser at the public host, from an address of its own.
    #[must_use]
    pub fn new(api: &Api) -> Self {
        Self { api: api.at(PUBLIC).from_elsewhere(), host: PUBLIC.to_owned(), cookies: BTreeMap::new(), language: "en" }
    }

    /// The same at another host, where it has no cookies yet.
    #[must_use]
    pub fn at(&self, host: &str) -> Self {
        Self { api: self.api.at(host), host: host.to_owned(), cookies: BTreeMap::new(), language: self.language }
    }

    /// The same for somebody who reads another language.
    #[must_use]
    pub fn reading(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    /// A cookie's value.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Sets a cookie, or takes it away.
    pub fn set_cookie(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            None => drop(self.cookies.remove(name)),
        }
    }

    /// Looks at a path, and goes where it leads.
    ///
    /// # Errors
    /// When there is no page at the end.
    pub async fn open(&mut self, path: &str) -> Result<Page> {
        let mut path = path.to_owned();
        for _ in 0..5 {
            let answer = self.get(&path).await?;
            match answer.status {
                303 => path = answer.header("location").context("no location")?.to_owned(),
                _ => return Page::read(path, answer),
            }
        }
        bail!("{path} leads nowhere")
    }

    /// One GET.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.exchange("GET", path, None, None).await
    }

    /// Sends a form with some fields filled in, and goes where it leads.
    ///
    /// # Errors
    /// When there is no page at the end.
    pub async fn submit(&mut self, form: &Form, filled: &[(&str, &str)]) -> Result<Page> {
        let answer = self.send(form, filled).await?;
        match answer.status {
            303 => {
                let target = answer.header("location").context("no location")?.to_owned();
                self.open(&target).await
            }
            _ => Page::read(form.action.clone(), answer),
        }
    }

    /// Sends a form with some fields filled in.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(&mut self, form: &Form, filled: &[(&str, &str)]) -> Result<Answer> {
        let origin = format!("http://{}", self.host);
        self.send_from(Some(&origin), form, filled).await
    }

    /// Sends a form as a page of some origin would.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send_from(&mut self, origin: Option<&str>, form: &Form, filled: &[(&str, &str)]) -> Result<Answer> {
        let mut fields = form.fields.clone();
        fields.extend(filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        self.exchange("POST", &form.action, origin, Some(body.join("&"))).await
    }

    async fn exchange(&mut self, method: &str, path: &str, origin: Option<&str>, body: Option<String>) -> Result<Answer> {
        let mut call = self.api.call(method, path)?.header("accept", "text/html,application/xhtml+xml").header("accept-language", self.language);
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            call = call.header("cookie", &cookies.join("; "));
        }
        if let Some(origin) = origin {
            call = call.header("origin", origin);
        }
        if let Some(body) = body {
            call = call.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let answer = call.send().await?;
        for cookie in answer.header_values("set-cookie") {
            let (name, rest) = cookie.split_once('=').context("no cookie")?;
            ensure!(name.starts_with("__Host-") && cookie.contains("; Secure") && cookie.contains("; SameSite=Lax"), "{name} is not guarded");
            let value = rest.split(';').next().unwrap_or_default();
            self.set_cookie(name, (!cookie.contains("Max-Age=0")).then_some(value));
        }
        Ok(answer)
    }

    /// Signs somebody in by the page.
    ///
    /// # Errors
    /// When that does not lead to the account.
    pub async fn sign_in(&mut self, person: &Person) -> Result<Page> {
        let page = self.open("/sign-in").await?;
        let page = self.submit(&page.form("/sign-in")?, &[("email", &person.email), ("password", &person.password)]).await?;
        ensure!(page.path == "/account" && page.answer.status == 200, "{}", page.answer);
        Ok(page)
    }
}

impl Page {
    fn read(path: String, answer: Answer) -> Result<Self> {
        let html = String::from_utf8(answer.body.clone())?;
        Ok(Self { path, answer, html })
    }

    /// The page, if its answer has this status.
    ///
    /// # Errors
    /// Otherwise.
    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(self.answer.status == status, "wanted {status}, got {}", self.answer);
        Ok(self)
    }

    /// The form that goes to a path.
    ///
    /// # Errors
    /// When there is none.
    pub fn form(&self, action: &str) -> Result<Form> {
        let start = format!("action=\"{action}\"");
        let at =
            self.html.split("<form").skip(1).find(|form| form.contains(&start)).with_context(|| format!("no form to {action} on {}", self.path))?;
        let inside = at.split("</form>").next().unwrap_or_default();
        let fields =
            inside.split("<input").skip(1).filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default())));
        Ok(Form { action: action.to_owned(), fields: fields.collect() })
    }

    /// What a form tells the script that asks for a passkey.
    ///
    /// # Errors
    /// When there is none.
    pub fn options(&self, action: &str) -> Result<serde_json::Value> {
        let start = format!("action=\"{action}\"");
        let form =
            self.html.split("<form").skip(1).find(|form| form.contains(&start)).with_context(|| format!("no form to {action} on {}", self.path))?;
        Ok(serde_json::from_str(&attribute(form, "data-options").context("no options")?)?)
    }

    /// Whether the page says something.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        self.html.contains(text)
    }
}

/// The value of an attribute at the beginning of a tag's inside.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    Some(value.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&"))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Somebody at a browser, with a verified account.
///
/// # Errors
/// When a step fails.
pub async fn somebody(system: &crate::System) -> Result<(Person, Browser)> {
    let person = system.person().await?;
    let browser = Browser::new(&person.api.from(&random::address()));
    Ok((person, browser))
}
