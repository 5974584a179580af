import type { HostileRequest } from './hostile-request.js';

const IDS: Record<string, string> = {
  SQL: "1' or '1'='1",
  'SQL that ends the statement': "1'; drop table job; --",
  'another type': '-1',
  'no number at all': 'NaN',
  'the prototype': '__proto__',
  'a parent folder, escaped': '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  'a slash, escaped': 'a%2Fb',
  'NUL, escaped': '%00',
  'a line feed, escaped': '%0d%0aset-cookie:%20a=b',
  'markup, escaped': '%3Cscript%3Ealert(1)%3C%2Fscript%3E',
  'a template': '{{7*7}}',
  'a very long one': 'a'.repeat(500),
  'a UUID with something behind it': '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d%20or%201=1',
};

const CODES = {
  datasets: 'dataset_not_found',
  'lora-configs': 'lora_config_not_found',
  jobs: 'job_not_found',
  adapters: 'adapter_not_found',
} as const;

/** Ids that are none belong to nothing: 404, and never an error of the database. */
export const HOSTILE_IDS: HostileRequest[] = Object.entries(IDS).flatMap(([name, id]) =>
  (Object.keys(CODES) as (keyof typeof CODES)[]).map((kind): HostileRequest => ({
    name: `id in /${kind}: ${name}`,
    route: `GET /${kind}/${id}`,
    refusal: { status: 404, code: CODES[kind] },
  })),
);

/** Names of files that are downloaded. */
export const HOSTILE_FILE_NAMES: HostileRequest[] = [
  '..%2f..%2fetc%2fpasswd',
  'a%0d%0ax.png',
  'a%22;filename=%22b.png',
  'rows.jsonl%00.png',
  '.part',
].map((file) => ({
  name: `file of a job: ${file}`,
  route: `GET /jobs/$JOB/artifacts/${file}`,
  refusal: { status: 404, code: 'artifact_not_found' },
}));
