//! Listing files: what each provider is asked, and what it answers, in one shape.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::Provider;
use crate::error::{Code, Problem};

/// Longest name of a folder, in bytes.
const MAX_FOLDER: usize = 256;

/// What of Google's description of a file is looked at.
const GOOGLE_FIELDS: &str = "nextPageToken,files(id,name,mimeType,size,modifiedTime,webViewLink)";
const GOOGLE_FOLDER: &str = "application/vnd.google-apps.folder";

/// A file or folder elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct File {
    /// The provider's identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// Whether it is a folder.
    pub folder: bool,
    /// Media type, where the provider tells.
    pub media_type: Option<String>,
    /// Bytes, where the provider tells.
    pub size: Option<u64>,
    /// When it was last changed, as the provider writes it (RFC 3339).
    pub modified_at: Option<String>,
    /// Where it can be seen.
    pub url: Option<String>,
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The files.
    pub files: Vec<File>,
    /// The provider's word for where the next page begins.
    pub next: Option<String>,
}

/// One request to a provider's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingRequest {
    /// Its URL.
    pub url: String,
    /// The JSON to post; `None` for a GET.
    pub body: Option<Value>,
}

impl ListingRequest {
    /// The request for a page of `limit` files of a folder, from where the page before ended.
    ///
    /// # Errors
    /// `VALIDATION_FAILED` for what is no folder of that provider, `INTERNAL` if the API's address is no URL.
    pub fn new(provider: Provider, api: &str, folder: Option<&str>, after: Option<&str>, limit: u8) -> Result<Self, Problem> {
        if folder.is_some_and(|folder| !is_folder(folder)) {
            return Err(Problem::field("folder", "folder", "not the identifier of a folder"));
        }
        let limit = limit.to_string();
        let get = |path: &str, query: &[(&str, &str)]| -> Result<Self, Problem> {
            let url = Url::parse_with_params(&format!("{api}{path}"), query).map_err(|_| Problem::internal("a drive's API is no URL"))?;
            Ok(Self { url: url.into(), body: None })
        };
        match provider {
            Provider::GoogleDrive => {
                // The characters of a folder's identifier are checked: nothing of it can end the quotation.
                let wanted = format!("'{}' in parents and trashed = false", folder.unwrap_or("root"));
                let mut query = vec![("pageSize", limit.as_str()), ("fields", GOOGLE_FIELDS), ("q", &wanted), ("orderBy", "folder,name")];
                query.extend(after.map(|after| ("pageToken", after)));
                get("/drive/v3/files", &query)
            }
            Provider::OneDrive => {
                let path = folder.map_or_else(|| "/v1.0/me/drive/root/children".to_owned(), |id| format!("/v1.0/me/drive/items/{id}/children"));
                let mut query = vec![("$top", limit.as_str())];
                query.extend(after.map(|after| ("$skiptoken", after)));
                get(&path, &query)
            }
            Provider::Dropbox => Ok(match after {
                Some(cursor) => Self { url: format!("{api}/2/files/list_folder/continue"), body: Some(json!({ "cursor": cursor })) },
                None => {
                    let body = json!({ "path": folder.unwrap_or_default(), "limit": limit.parse::<u8>().unwrap_or(20) });
                    Self { url: format!("{api}/2/files/list_folder"), body: Some(body) }
                }
            }),
        }
    }
}

/// Identifiers of folders: letters, digits and what the three providers put between them.
fn is_folder(text: &str) -> bool {
    (1..=MAX_FOLDER).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:!".contains(&byte))
}

impl Listing {
    /// Reads a provider's answer.
    ///
    /// # Errors
    /// `NOT_FOUND` for a folder that is not there, `TOKEN_INVALID` where the access token is not taken any more,
    /// `DEPENDENCY_UNAVAILABLE` for everything else.
    pub fn parse(provider: Provider, status: u16, body: &[u8]) -> Result<Self, Problem> {
        match status {
            200 => {}
            401 => return Err(Problem::new(Code::TokenInvalid)),
            404 => return Err(Problem::new(Code::NotFound)),
            // Dropbox's word for what the route itself could not do: the folder.
            409 if provider == Provider::Dropbox => return Err(Problem::new(Code::NotFound)),
            status => return Err(Problem::unavailable(format!("{}: status {status}", provider.key()))),
        }
        let odd = |_| Problem::unavailable(format!("{}: not the JSON of a listing", provider.key()));
        match provider {
            Provider::GoogleDrive => serde_json::from_slice::<Google>(body).map(Google::listing).map_err(odd),
            Provider::OneDrive => serde_json::from_slice::<OneDrive>(body).map(OneDrive::listing).map_err(odd),
            Provider::Dropbox => serde_json::from_slice::<Dropbox>(body).map(Dropbox::listing).map_err(odd),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Google {
    files: Vec<GoogleFile>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GoogleFile {
    id: String,
    name: String,
    mime_type: String,
    size: Option<String>,
    modified_time: Option<String>,
    web_view_link: Option<String>,
}

impl Google {
    fn listing(self) -> Listing {
        let file = |file: GoogleFile| {
            let folder = file.mime_type == GOOGLE_FOLDER;
            File {
                id: file.id,
                name: file.name,
                folder,
                media_type: (!folder).then_some(file.mime_type),
                size: file.size.and_then(|size| size.parse().ok()),
                modified_at: file.modified_time,
                url: file.web_view_link,
            }
        };
        Listing { files: self.files.into_iter().map(file).collect(), next: self.next_page_token }
    }
}

#[derive(Deserialize)]
struct OneDrive {
    value: Vec<OneDriveFile>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneDriveFile {
    id: String,
    name: String,
    size: Option<u64>,
    folder: Option<Value>,
    file: Option<Mime>,
    last_modified_date_time: Option<String>,
    web_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mime {
    mime_type: Option<String>,
}

impl OneDrive {
    fn listing(self) -> Listing {
        let file = |file: OneDriveFile| {
            let folder = file.folder.is_some();
            File {
                id: file.id,
                name: file.name,
                folder,
                media_type: file.file.and_then(|file| file.mime_type),
                size: file.size.filter(|_| !folder),
                modified_at: file.last_modified_date_time,
                url: file.web_url,
            }
        };
        // A whole URL; only its token is kept, so that no answer chooses where the next request goes.
        let token = self.next_link.and_then(|link| {
            let url = Url::parse(&link).ok()?;
            url.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case("$skiptoken")).map(|(_, value)| value.into_owned())
        });
        Listing { files: self.value.into_iter().map(file).collect(), next: token }
    }
}

#[derive(Deserialize)]
struct Dropbox {
    entries: Vec<DropboxEntry>,
    cursor: String,
    has_more: bool,
}

#[derive(Deserialize)]
struct DropboxEntry {
    #[serde(rename = ".tag")]
    tag: String,
    id: Option<String>,
    name: String,
    size: Option<u64>,
    server_modified: Option<String>,
}

impl Dropbox {
    fn listing(self) -> Listing {
        // What was deleted has no identifier.
        let file = |entry: DropboxEntry| {
            Some(File {
                id: entry.id?,
                name: entry.name,
                folder: entry.tag == "folder",
                media_type: None,
                size: entry.size,
                modified_at: entry.server_modified,
                url: None,
            })
        };
        Listing { files: self.entries.into_iter().filter_map(file).collect(), next: self.has_more.then_some(self.cursor) }
    }
}
