import type { Dialect } from './dialect.js';
import { MANAGER_DIALECT } from './manager/manager.dialect.js';
import { QLORA_DIALECT } from './qlora/qlora.dialect.js';
import { SESSIONS_DIALECT } from './sessions/sessions.dialect.js';
import { SUBMIT_DIALECT } from './submit/submit.dialect.js';

/** Every wire language that is spoken beside the native one. A new one is a folder here and a line in this list. */
export const DIALECTS: readonly Dialect[] = [SUBMIT_DIALECT, QLORA_DIALECT, MANAGER_DIALECT, SESSIONS_DIALECT];
