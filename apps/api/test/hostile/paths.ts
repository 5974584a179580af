import { type HostileRequest, invalid } from './hostile-request.js';

const PATHS: Record<string, string> = {
  'parent folder': 'data/../etc/passwd',
  'parent folder at the end': 'data/datasets/..',
  'parent folder behind a real one': 'data/datasets/../../../etc',
  absolute: '/etc/passwd',
  'absolute behind the prefix': 'data//etc/passwd',
  'home folder': '~/.ssh/id_rsa',
  'Windows drive': 'C:\\Windows\\system32',
  'Windows separators': 'data\\..\\..\\etc',
  'mixed separators': 'data/..\\..\\etc',
  'network share': '\\\\evil.example\\share',
  'file address': 'file:///etc/passwd',
  'web address': 'https://evil.example/data.zip',
  'metadata service': 'http://169.254.169.254/latest/meta-data',
  'full-width dots': 'data/．．/etc/passwd',
  'one-dot leader twice': 'data/\u2024\u2024/etc',
  'full-width slash': 'data／..／etc',
  'NUL behind an extension': 'data/datasets/a.jsonl\0.png',
  'line feed': 'data/datasets\n/etc/passwd',
  'text that runs backwards': 'data/datasets/\u202egnp.exe',
  'zero-width space': 'data/.\u200b./etc',
  'hidden folder': 'data/.states/0199d3a0',
  'hidden folder within': 'data/datasets/.git/config',
  'process files': '/proc/self/environ',
  'shell variable': '${HOME}/.ssh',
  'shell substitution': '$(cat /etc/passwd)',
  'a pipe': 'data/datasets/x | cat /etc/passwd',
  'an option': '--data-dir=/etc',
  'name longer than a file system takes': `data/${'a'.repeat(300)}`,
  'path longer than a file system takes': `data/${'a/'.repeat(3000)}`,
  'a link that leads outside': 'data/link-outside',
  'a file behind a link that leads outside': 'data/link-outside/hosts',
  'a link in a circle': 'data/link-circle',
  'below a file': 'data/datasets/rows.jsonl/more',
};

/** Escapes are not undone, so these name folders that are not there; one might be made as an output. */
const ESCAPED: HostileRequest[] = ['data/%2e%2e/%2e%2e/etc/passwd', 'data/%252e%252e/etc', 'data/..%2fetc'].map(
  (path) => ({
    name: `dataset path: ${path}`,
    route: 'POST /datasets',
    body: { kind: 'fine-tuning', path },
    refusal: invalid('path'),
  }),
);

/** Where the server resolves a path of the client: a dataset's, and a configuration's output. */
export const HOSTILE_PATHS: HostileRequest[] = Object.entries(PATHS)
  .flatMap(([name, path]): HostileRequest[] => [
    {
      name: `dataset path: ${name}`,
      route: 'POST /datasets',
      body: { kind: 'fine-tuning', path },
      refusal: invalid('path'),
    },
    {
      name: `output path: ${name}`,
      route: 'POST /lora-configs',
      body: { name: 'x', modelName: 'tiny-text', outputPath: path },
      refusal: invalid('outputPath'),
    },
  ])
  .concat(ESCAPED);
