use serde_json::json;

use super::*;
use crate::{error::Code, seal::SealRing};

#[test]
fn providers_are_found_by_name_and_are_elsewhere_in_tests() {
    for provider in Provider::ALL {
        assert_eq!(Provider::parse(provider.key()), Some(provider));
        assert_eq!(serde_json::to_value(provider).unwrap(), provider.key());
        let (real, test) = (provider.endpoints(None), provider.endpoints(Some("http://here")));
        for url in [real.authorize, real.token, real.api] {
            assert!(url.starts_with("https://"));
        }
        for url in [test.authorize, test.token, test.api] {
            assert!(url.starts_with("http://here/"));
        }
    }
    assert_eq!(Provider::parse("box"), None);
}

#[test]
fn tokens_open_for_their_tenant_person_and_provider_alone() {
    let ring = SealRing::parse(r#"[{"kid":"k","key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]"#).unwrap();
    let id = |n| uuid::Uuid::from_u128(n);
    let context = |tenant, user, provider| seal_context(id(tenant).into(), id(user).into(), provider);
    let sealed = ring.seal(b"tokens", &context(1, 2, Provider::Dropbox), [7; 12]).unwrap();
    assert!(ring.open(&sealed, &context(1, 2, Provider::Dropbox)).is_ok());
    for other in
        [context(3, 2, Provider::Dropbox), context(1, 3, Provider::Dropbox), context(2, 1, Provider::Dropbox), context(1, 2, Provider::OneDrive)]
    {
        assert!(ring.open(&sealed, &other).is_err(), "{other}");
    }
}

#[test]
fn requests() {
    let request = |provider, folder, after| ListingRequest::new(provider, "https://api.test", folder, after, 20).unwrap();
    let google = request(Provider::GoogleDrive, None, Some("p t"));
    assert!(google.url.starts_with("https://api.test/drive/v3/files?pageSize=20&fields=nextPageToken") && google.body.is_none());
    assert!(google.url.contains("q=%27root%27+in+parents+and+trashed+%3D+false") && google.url.ends_with("&pageToken=p+t"));
    assert!(request(Provider::GoogleDrive, Some("a-B_9"), None).url.contains("q=%27a-B_9%27+in+parents"));
    assert_eq!(request(Provider::OneDrive, None, None).url, "https://api.test/v1.0/me/drive/root/children?%24top=20");
    assert_eq!(request(Provider::OneDrive, Some("A!1"), Some("s")).url, "https://api.test/v1.0/me/drive/items/A!1/children?%24top=20&%24skiptoken=s");
    let dropbox = request(Provider::Dropbox, Some("id:a"), None);
    assert_eq!((dropbox.url.as_str(), dropbox.body), ("https://api.test/2/files/list_folder", Some(json!({ "path": "id:a", "limit": 20 }))));
    let more = request(Provider::Dropbox, None, Some("c"));
    assert_eq!((more.url.as_str(), more.body), ("https://api.test/2/files/list_folder/continue", Some(json!({ "cursor": "c" }))));
}

#[test]
fn what_is_no_folder_reaches_nobody() {
    for provider in Provider::ALL {
        for folder in ["", "a' or name contains 'x", "../me", "a/b", "a?b", "a b", "ä", &"a".repeat(257)] {
            let problem = ListingRequest::new(provider, "https://api.test", Some(folder), None, 1).unwrap_err();
            assert_eq!(problem.code(), Code::ValidationFailed, "{folder}");
        }
    }
}

#[test]
fn listings_have_one_shape() {
    let google = json!({ "nextPageToken": "n", "files": [
        { "id": "1", "name": "a", "mimeType": "application/vnd.google-apps.folder" },
        { "id": "2", "name": "b", "mimeType": "text/plain", "size": "12", "modifiedTime": "2026-01-01T00:00:00.000Z", "webViewLink": "https://x" },
    ] });
    let onedrive = json!({ "@odata.nextLink": "https://evil.test/?$top=1&$skiptoken=n", "value": [
        { "id": "1", "name": "a", "size": 7, "folder": { "childCount": 1 } },
        { "id": "2", "name": "b", "size": 12, "file": { "mimeType": "text/plain" }, "lastModifiedDateTime": "2026-01-01T00:00:00.000Z", "webUrl": "https://x" },
    ] });
    let dropbox = json!({ "cursor": "n", "has_more": true, "entries": [
        { ".tag": "folder", "id": "1", "name": "a" },
        { ".tag": "file", "id": "2", "name": "b", "size": 12, "server_modified": "2026-01-01T00:00:00.000Z" },
        { ".tag": "deleted", "name": "c" },
    ] });
    for (provider, answer) in [(Provider::GoogleDrive, google), (Provider::OneDrive, onedrive), (Provider::Dropbox, dropbox)] {
        let listing = Listing::parse(provider, 200, answer.to_string().as_bytes()).unwrap();
        assert_eq!(listing.next.as_deref(), Some("n"));
        let seen: Vec<_> = listing.files.iter().map(|file| (file.id.as_str(), file.name.as_str(), file.folder, file.size)).collect();
        assert_eq!(seen, [("1", "a", true, None), ("2", "b", false, Some(12))], "{provider:?}");
    }
}

#[test]
fn refusals() {
    for provider in Provider::ALL {
        for (status, body, code) in [
            (401, "{}", Code::TokenInvalid),
            (404, "{}", Code::NotFound),
            (403, "{}", Code::DependencyUnavailable),
            (429, "{}", Code::DependencyUnavailable),
            (500, "{}", Code::DependencyUnavailable),
            (200, "{}", Code::DependencyUnavailable),
            (200, "<html>", Code::DependencyUnavailable),
        ] {
            assert_eq!(Listing::parse(provider, status, body.as_bytes()).unwrap_err().code(), code, "{provider:?} {status}");
        }
    }
    assert_eq!(Listing::parse(Provider::Dropbox, 409, b"{}").unwrap_err().code(), Code::NotFound);
}
