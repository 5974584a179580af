/** One event of a `text/event-stream`. */
export interface ServerSentEvent {
  /** Last id the server sent, with this event or before it. */
  id: string | undefined;
  event: string;
  data: string;
}

/** Where and when the stream is to be opened again. It moves on as events are read. */
export interface ResumePoint {
  lastEventId: string | undefined;
  /** The pause that the server asked for. */
  retryMs: number | undefined;
}

/** Turns the text of a stream, in pieces cut anywhere, into events: https://html.spec.whatwg.org/#parsing-an-event-stream */
export class SseDecoder {
  #rest = '';
  #id: string | undefined;
  #event = '';
  #data: string[] = [];

  constructor(private readonly resumePoint: ResumePoint) {
    this.#id = resumePoint.lastEventId;
  }

  *push(text: string): Generator<ServerSentEvent, void, undefined> {
    // A carriage return at the end may be the first half of a line end, so it waits for the next piece.
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') this.#takeField(line);
      else yield* this.#dispatch();
    }
  }

  #takeField(line: string): void {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.resumePoint.retryMs = Number(value);
  }

  /** An id counts once its event is complete, so that a cut in between repeats the event rather than loses it. */
  *#dispatch(): Generator<ServerSentEvent, void, undefined> {
    const event = { id: this.#id, event: this.#event || 'message', data: this.#data.join('\n') };
    const isEmpty = this.#data.length === 0;
    this.#data = [];
    this.#event = '';
    this.resumePoint.lastEventId = this.#id;
    if (!isEmpty) yield event;
  }
}
