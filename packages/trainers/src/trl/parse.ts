import { parseEvent } from '../parse-event.js';
import type { LineParser } from '../trainer.js';

/** The driver speaks in events, however many processes there are; what TRL prints is a log. */
export const createParser = (): LineParser => parseEvent;
