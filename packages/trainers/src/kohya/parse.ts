import { parseEvent } from '../parse-event.js';
import type { LineParser } from '../trainer.js';

/** The driver speaks in events, whichever script it runs and however many processes; what kohya prints is a log. */
export const createParser = (): LineParser => parseEvent;
