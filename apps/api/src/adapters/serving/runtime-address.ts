export const RUNTIME_KINDS = ['vllm', 'sglang', 'llama-cpp'] as const;
export type RuntimeKind = (typeof RUNTIME_KINDS)[number];

/** A serving runtime as the settings name it. */
export interface RuntimeAddress {
  name: string;
  kind: RuntimeKind;
  /** Without a slash at the end. */
  url: string;
  /** Sent as `Authorization: Bearer`. */
  apiKey?: string;
  /** The base model that it serves, where it should not be asked. */
  baseModel?: string;
}

const ADDRESS = /^([a-z0-9][a-z0-9-]{0,63})=(vllm|sglang|llama-cpp)\+(https?:\/\/[^\s#]+)(?:#(\S+))?$/;

/**
 * Reads `chat=vllm+http://gpu1:8000#Qwen/Qwen2.5-7B`: a name, the kind, the address and, where it should not be asked for,
 * the base model. A key stands where a URL has its password: `http://:secret@gpu1:8000`.
 * @returns undefined for anything else
 */
export function readRuntimeAddress(text: string): RuntimeAddress | undefined {
  const [, name, kind, address, baseModel] = ADDRESS.exec(text) ?? [];
  if (name === undefined || address === undefined || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  const apiKey = url.password === '' ? undefined : decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  if (url.search !== '') return undefined;
  return { name, kind: kind as RuntimeKind, url: url.href.replace(/\/+$/, ''), apiKey, baseModel };
}
