import { resolve } from 'node:path';
import { unescape } from 'node:querystring';
import { z } from 'zod';

const PASSED_ON = 'Passed on to trainers.';
const TO_DOWNLOADS = 'Passed on to trainers of jobs that download.';
const ofNccl = z.string().optional();

/** As curl and requests take it, where the scheme may be missing; a password in it is only found in a whole address. */
const proxy = z
  .string()
  .transform((text) => (text.includes('://') ? text : `http://${text}`))
  .refine((text) => URL.canParse(text), 'must be the address of a proxy, as http://proxy.example.com:3128')
  .optional();

/** What the operator may tell the libraries of trainers. Nothing else of the worker's environment reaches them. */
export const passedOnFields = {
  PYTORCH_CUDA_ALLOC_CONF: z
    .string()
    .default('expandable_segments:True')
    .describe(
      `How torch divides the memory of a GPU, or PYTORCH_ALLOC_CONF; the default loses less to gaps. ${PASSED_ON}`,
    ),
  NCCL_DEBUG: ofNccl.describe(`INFO tells in the log of a job how its GPUs reach one another. ${PASSED_ON}`),
  NCCL_P2P_DISABLE: ofNccl.describe(`1 where GPUs cannot read one another's memory. ${PASSED_ON}`),
  NCCL_P2P_LEVEL: ofNccl.describe(`How far apart GPUs may be that do, as NVL or PHB. ${PASSED_ON}`),
  NCCL_SHM_DISABLE: ofNccl.describe(`1 to keep NCCL off shared memory. ${PASSED_ON}`),
  NCCL_IB_DISABLE: ofNccl.describe(`1 to keep NCCL off InfiniBand. ${PASSED_ON}`),
  NCCL_SOCKET_IFNAME: ofNccl.describe(`Network interface that the processes of a job meet on. ${PASSED_ON}`),
  HTTPS_PROXY: proxy.describe(
    `Way to the Hugging Face hub, or https_proxy; logs do not show its password. ${TO_DOWNLOADS}`,
  ),
  HTTP_PROXY: proxy.describe(`The same for addresses of http, or http_proxy. ${TO_DOWNLOADS}`),
  NO_PROXY: z.string().optional().describe(`Hosts that are reached without, or no_proxy. ${TO_DOWNLOADS}`),
  SSL_CERT_FILE: z.string().optional().describe(`Certificates to trust in place of the usual ones. ${TO_DOWNLOADS}`),
  REQUESTS_CA_BUNDLE: z.string().optional().describe(`The same for libraries that read this name. ${TO_DOWNLOADS}`),
};

type PassedOn = z.infer<z.ZodObject<typeof passedOnFields>>;

/**
 * Hosts often have proxies in lower case alone, which is how curl reads them. torch 2.9 calls the older of its names
 * deprecated, but the allocator of its GPUs reads no other (c10/cuda/CUDAAllocatorConfig.h).
 */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  HTTPS_PROXY: 'https_proxy',
  HTTP_PROXY: 'http_proxy',
  NO_PROXY: 'no_proxy',
  PYTORCH_CUDA_ALLOC_CONF: 'PYTORCH_ALLOC_CONF',
};

/** The variables, with those under another name that are missing under ours. */
export const withOtherNames = (variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(OTHER_NAMES).map(([name, other]) => [name, variables[other]])),
  ...variables,
});

/** Of every trainer. */
export const libraryVariables = (env: PassedOn): Record<string, string> => ofThese(env, LIBRARY_NAMES);

/** Of trainers that download. Files are named from the root: a trainer works in another folder. */
export const downloadVariables = (env: PassedOn): Record<string, string> => {
  const files = CERTIFICATE_NAMES.flatMap((name) => (env[name] ? [[name, resolve(env[name])] as const] : []));
  return { ...ofThese(env, PROXY_NAMES), ...Object.fromEntries(files) };
};

/** Files among them, which a container must see. */
export const downloadFiles = (env: PassedOn): string[] =>
  CERTIFICATE_NAMES.flatMap((name) => (env[name] ? resolve(env[name]) : []));

/** Passwords in addresses, as they stand there and as they are meant. */
export const passwordsIn = (addresses: readonly (string | undefined)[]): string[] =>
  addresses
    .flatMap((address) => (address === undefined ? [] : new URL(address).password))
    .flatMap((password) => [password, unescape(password)])
    .filter((password) => password !== '');

type Name = keyof PassedOn;
const CERTIFICATE_NAMES = ['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE'] as const;
const PROXY_NAMES: readonly Name[] = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'];
const LIBRARY_NAMES: readonly Name[] = (Object.keys(passedOnFields) as Name[]).filter(
  (name) => name.startsWith('NCCL_') || name.startsWith('PYTORCH_'),
);

const ofThese = (env: PassedOn, names: readonly Name[]): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
