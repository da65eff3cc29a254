import { readGlob } from "./glob.js";

const globs = (text: string) => text.split(/\s+/).filter(Boolean).map(readGlob);

/** Files that are withheld for their names alone. */
export const WITHHELD_PATHS = globs(`
  .env .env.* *.env .envrc
  id_rsa id_dsa id_ecdsa id_ed25519
  *.p12 *.pfx *.jks *.keystore *.ppk *.kdbx
  .netrc _netrc .pgpass .pypirc .git-credentials .htpasswd
  .docker/config.json .aws/credentials .kube/config .config/gcloud/**
  *.tfstate* .terraformrc terraform.rc
  service-account*.json
`);

/** Files that often are harmless: they are withheld when something in them looks like a secret. */
export const SUSPECTED_PATHS = globs(`
  .npmrc *.pem *.key *.asc
  credentials*.json secrets.y*ml secrets.json secrets.toml *.tfvars
`);

/** What templates end in: they are there to be shown, and hold no more than the names. */
export const TEMPLATE_ENDINGS = [".example", ".sample", ".template", ".dist", ".defaults", ".schema"];

/** Files in which `NAME=value` assigns a text: elsewhere it is source code. */
export const ASSIGNING_PATHS = globs(".env .env.* *.env .envrc .flaskenv *.ini *.properties .npmrc .pypirc *.tfvars");

/** Files in which `name: value` and `"name": "value"` count as well, to say whether a suspected file has a secret. */
export const DATA_PATHS = globs("credentials*.json secrets.y*ml secrets.json secrets.toml");
