/** A scheme as RFC 3986 has it; a longer one matches by its end, so that no text costs more than its length. */
const SCHEME = "[a-z][a-z0-9+.-]{0,30}";
/** `scheme://`, then what stands before the last `@` of the authority. */
const USER_INFO = new RegExp(`(${SCHEME})://([^\\s"<>/?#]*)@`, "gi");
/**
 * A password with a slash, `?` or `#` that was not encoded: git cannot use such a URL, and people put it into their
 * configuration all the same. What follows the colon is no port, so that it is no host's; 1,000 characters are looked
 * through.
 */
const BROKEN_USER_INFO = new RegExp(`(${SCHEME})://([^\\s"<>/?#@[:]*:(?!\\d*[/?#])[^\\s"<>]{0,1000})@`, "gi");
/** The same for a text that is one URL: whatever stands in it belongs to it. */
const WHOLE_USER_INFO = new RegExp(`^((?:${SCHEME}::)?${SCHEME})://([^/?#]*)@`, "is");

/**
 * Takes the credentials out of every URL in a text: user and password of `http` and `https` (a user alone may be a
 * token), of other schemes the password. The scp form (`git@example.com:me/app.git`) names a user only and stays.
 * The rule: docs/protocol.md, "remote_origin".
 *
 * @param text for people; a URL in it ends at white space, `"`, `<` and `>`
 * @returns the same text when there are none
 */
export function withoutCredentials(text: string): string {
  if (!text.includes("://") || !text.includes("@")) return text;
  return text.replace(USER_INFO, cut).replace(BROKEN_USER_INFO, cut);
}

/** {@link withoutCredentials} for one URL and nothing else, as `remote.origin.url` is. */
export function remoteWithoutCredentials(url: string): string {
  return withoutCredentials(url.replace(WHOLE_USER_INFO, cut));
}

function cut(_match: string, scheme: string, userInfo: string): string {
  if (/https?$/i.test(scheme)) return `${scheme}://`;
  const [user = ""] = userInfo.split(":", 1);
  return `${scheme}://${user}@`;
}
