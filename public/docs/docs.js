// Renders /openapi.json and sends requests to this same origin. Everything goes in as text, never as markup: whatever the
// document or an answer holds, it cannot become part of the page.

const token = document.querySelector("#token");
const filter = document.querySelector("#filter");
const main = document.querySelector("#routes");

/** An element with attributes and children; strings become text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** The schema behind a `$ref`. */
function resolve(document_, schema) {
  const name = schema?.$ref?.split("/").pop();
  return name ? document_.components.schemas[name] : schema ?? {};
}

/** Short text for a schema's type: "string (uuid)", "array of Session", "string | null". */
function typeOf(document_, schema) {
  if (schema === true || schema === undefined) return "anything";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map((choice) => typeOf(document_, choice)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.length > 8 ? "one of many words" : schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const types = [schema.type ?? "anything"].flat();
  const first = types[0] === "array" ? `array of ${typeOf(document_, schema.items)}` : types[0];
  return [first + (schema.format ? ` (${schema.format})` : ""), ...types.slice(1)].join(" | ");
}

/** An example that a person can start from: required fields, and what the schema gives as example or default. */
function example(document_, schema, depth = 0) {
  const found = resolve(document_, schema);
  if (found.examples?.length) return found.examples[0];
  if (found.default !== undefined) return found.default;
  if (found.enum) return found.enum[0];
  const choices = found.anyOf ?? found.oneOf ?? found.allOf;
  if (choices) return example(document_, choices[0], depth);
  switch ([found.type].flat()[0]) {
    case "object": return depth > 4 ? {} : Object.fromEntries((found.required ?? []).map((name) => [name, example(document_, found.properties?.[name], depth + 1)]));
    case "array": return [];
    case "integer": case "number": return found.minimum ?? 0;
    case "boolean": return false;
    default: return found.format === "email" ? "you@example.test" : "";
  }
}

/** A table of an object's fields; fields of other types are linked by name only, the schema stands below in full. */
function fields(document_, schema) {
  const found = resolve(document_, schema);
  if (!found.properties) return element("p", {}, element("code", {}, typeOf(document_, schema)));
  const rows = Object.entries(found.properties).map(([name, property]) => element("tr", {},
    element("td", {}, element("code", {}, name), found.required?.includes(name) ? "" : " (optional)"),
    element("td", {}, typeOf(document_, property)),
    element("td", {}, (resolve(document_, property).description ?? property.description ?? "").split("\n")[0])));
  return element("table", {}, element("tbody", {}, ...rows));
}

function schemaSection(document_, title, schema) {
  if (!schema) return null;
  return element("section", {}, element("h3", {}, title), fields(document_, schema),
    element("details", {}, element("summary", {}, "JSON Schema"), element("pre", {}, JSON.stringify(resolve(document_, schema), null, 2))));
}

/** Sends what the form holds; gives status, headers worth seeing, and the body, indented if it is JSON. */
async function send(method, path, form) {
  const query = new URLSearchParams();
  const headers = {};
  let target = path;
  for (const input of form.querySelectorAll("input[data-in]")) {
    const { name, value } = input;
    if (input.dataset.in === "path") target = target.replace(`{${name}}`, encodeURIComponent(value));
    else if (value !== "" && input.dataset.in === "query") query.set(name, value);
    else if (value !== "") headers[name] = value;
  }
  const body = form.querySelector("textarea")?.value;
  if (body !== undefined) headers["content-type"] = "application/json";
  if (token.value !== "") headers.authorization = `Bearer ${token.value}`;
  const response = await fetch(target + (query.size ? `?${query}` : ""), { method, headers, body });
  const text = await response.text();
  const kept = ["etag", "location", "ratelimit", "retry-after", "server-timing", "x-request-id", "idempotency-replayed"];
  const shown = kept.filter((name) => response.headers.has(name)).map((name) => `${name}: ${response.headers.get(name)}\n`);
  let readable = text;
  try {
    const json = JSON.parse(text);
    if (json?.access_token) token.value = json.access_token;
    readable = JSON.stringify(json, null, 2);
  } catch { /* not JSON: shown as it is */ }
  return { ok: response.ok, text: `${response.status} ${response.statusText}\n${shown.join("")}\n${readable}` };
}

function tryIt(document_, method, path, operation, bodySchema) {
  const output = element("pre", { hidden: true });
  const button = element("button", { type: "submit" }, "Send");
  const inputs = (operation.parameters ?? []).map((parameter) => {
    const input = element("input", { name: parameter.name, required: parameter.required ?? false });
    input.dataset.in = parameter.in;
    return element("label", {}, `${parameter.name} (${parameter.in})`, input);
  });
  const body = bodySchema && element("label", {}, "Body", element("textarea", { spellcheck: false, value: JSON.stringify(example(document_, bodySchema), null, 2) }));
  const form = element("form", { className: "try" }, element("h3", {}, "Try it"), ...inputs, body, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const answer = await send(method.toUpperCase(), path, form);
      output.className = answer.ok ? "" : "problem";
      output.textContent = answer.text;
    } catch (error) {
      output.className = "problem";
      output.textContent = String(error);
    }
    output.hidden = false;
    button.disabled = false;
  });
  return element("section", {}, form, output);
}

/** Who may call it: a permission's key, a session, or everybody. */
function who(operation) {
  if (operation["x-permission"]) return operation["x-permission"];
  return operation.security?.length ? Object.keys(operation.security[0]).join(", ") : "public";
}

function route(document_, path, method, operation) {
  const bodySchema = operation.requestBody?.content?.["application/json"]?.schema;
  const made = element("details", { className: "route", id: operation.operationId ?? `${method} ${path}` },
    element("summary", {}, element("span", { className: `method ${method}` }, method.toUpperCase()), element("code", {}, path),
      element("span", {}, operation.summary ?? ""), element("span", { className: "who" }, who(operation))));
  made.dataset.words = `${method} ${path} ${operation.summary ?? ""} ${who(operation)}`.toLowerCase();
  // Built when first opened: a hundred forms nobody looks at would make the page slow.
  made.addEventListener("toggle", () => {
    if (!made.open || made.children.length > 1) return;
    const answers = Object.entries(operation.responses ?? {}).map(([status, response]) => {
      const [type, content] = Object.entries(response.content ?? {})[0] ?? [];
      return schemaSection(document_, `${status} ${response.description ?? ""}${type ? `, ${type}` : ""}`, content?.schema);
    });
    made.append(element("div", {}, operation.description ? element("p", {}, operation.description) : null,
      schemaSection(document_, "Body", bodySchema), ...answers, tryIt(document_, method, path, operation, bodySchema)));
  });
  return made;
}

function render(document_) {
  const groups = new Map((document_.tags ?? []).map((tag) => [tag.name, { text: tag.description, routes: [] }]));
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? "other";
      if (!groups.has(tag)) groups.set(tag, { text: "", routes: [] });
      groups.get(tag).routes.push(route(document_, path, method, operation));
    }
  }
  const sections = [...groups].filter(([, group]) => group.routes.length).map(([name, group]) =>
    element("section", { className: "group" }, element("h2", {}, `${name} `, element("small", {}, group.text ?? "")), ...group.routes));
  main.replaceChildren(element("p", {}, document_.info.description ?? "", " ", element("a", { href: "/openapi.json" }, "openapi.json")), ...sections);
}

filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const found of main.querySelectorAll(".route")) found.hidden = !words.every((word) => found.dataset.words.includes(word));
  for (const group of main.querySelectorAll(".group")) group.hidden = !group.querySelector(".route:not([hidden])");
});

try {
  const response = await fetch("/openapi.json");
  if (!response.ok) throw new Error(`/openapi.json answered ${response.status}`);
  render(await response.json());
  // A link to a route (#postAuthLogin) opens it.
  document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
} catch (error) {
  main.replaceChildren(element("p", { className: "problem" }, String(error)));
}
