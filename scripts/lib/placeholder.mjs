// What stands in a Worker's place until it is deployed.
export default { fetch: () => new Response(null, { status: 503, headers: { "retry-after": "60" } }) };
