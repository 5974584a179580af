/**
 * Where an adapter stands with the runtimes that serve it. Written by the API's adapters repository alone; each write
 * names the state that it found, so that of two that begin at once one wins and the other waits for it.
 *
 * `unloaded`  No runtime has it. It may be loaded or deleted.
 *
 * `loading`   One API process has asked a runtime to load it. It becomes `loaded` or `failed`. When that process dies, any
 *             other may take over after twice `SERVING_TIMEOUT_MS`, and the sweep does.
 *
 * `loaded`    The runtime said that it has it. A runtime that was restarted has forgotten it: whoever notices loads it
 *             again.
 *
 * `unloading` As `loading`, the other way. Back to `loaded` when the runtime does not do it.
 *
 * `failed`    The runtime refused it or did not answer; `statusReason` says why. It may be loaded again, unloaded (which
 *             forgets the failure) or deleted.
 *
 * `deleting`  Its files are being removed; the row goes last. A deletion that broke is finished by the sweep.
 */
export const ADAPTER_TRANSITIONS = {
  unloaded: ['loading', 'deleting'],
  loading: ['loaded', 'failed', 'loading', 'unloading', 'deleting'],
  loaded: ['loading', 'unloading'],
  unloading: ['unloaded', 'loaded', 'loading', 'unloading', 'deleting'],
  failed: ['loading', 'unloading', 'deleting'],
  deleting: ['deleting'],
} as const satisfies Record<string, readonly string[]>;

export type AdapterStatus = keyof typeof ADAPTER_TRANSITIONS;

export const ADAPTER_STATUSES = Object.keys(ADAPTER_TRANSITIONS) as [AdapterStatus, ...AdapterStatus[]];

/** True while one process works on it and others wait. */
export const isAdapterBusy = (status: AdapterStatus): boolean =>
  status === 'loading' || status === 'unloading' || status === 'deleting';

/** True when the table lets an adapter go from one state to the other. */
export const canAdapterBecome = (from: AdapterStatus, to: AdapterStatus): boolean =>
  (ADAPTER_TRANSITIONS[from] as readonly AdapterStatus[]).includes(to);
