const unsupported = { status: 422, code: 'spec_unsupported' } as const;

/** Values on their way to a trainer that would be more than values there: options, code, paths, settings of their own. */
export const HOSTILE_OPTIONS = [
  { name: 'an option for a value', trainer: 'kohya', meta: { optimizer: '--config_file=/etc/passwd' } },
  { name: 'a short option for a value', trainer: 'kohya', meta: { lrScheduler: '-c' } },
  { name: 'a function of Python', trainer: 'kohya', meta: { optimizer: 'os.system' } },
  { name: 'a class of a module', trainer: 'kohya', meta: { optimizer: 'library.evil.Optimizer' } },
  { name: 'a new line and a setting', trainer: 'kohya', meta: { optimizer: 'AdamW"\nwandb_api_key = "x' } },
  { name: 'a shell variable', trainer: 'kohya', meta: { lrScheduler: '${HOME}' } },
  { name: 'a shell command', trainer: 'kohya', meta: { optimizer: '$(touch /tmp/x)' } },
  { name: 'dunder names', trainer: 'kohya', meta: { optimizer: '__import__("os").system("id")' } },
  { name: 'an option for a value', trainer: 'ai-toolkit', meta: { optimizer: '--help' } },
  { name: 'a tag of YAML', trainer: 'ai-toolkit', meta: { optimizer: '!!python/object/apply:os.system ["id"]' } },
].map((input) => ({ ...input, refusal: unsupported }));
