interface Entry<Value> {
  value: Value;
  until: number;
}

/** Remembers values for a while, the newest `size` of them. */
export class TimedCache<Value> {
  private readonly entries = new Map<string, Entry<Value>>();

  constructor(private readonly options: { ttlMs: number; size: number }) {}

  get(key: string, now = Date.now()): Value | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    if (entry.until > now) return entry.value;
    this.entries.delete(key);
    return undefined;
  }

  /** @param until forget it then at the latest */
  set(key: string, value: Value, { until = Infinity, now = Date.now() } = {}): Value {
    this.entries.delete(key);
    const [oldest] = this.entries.keys();
    if (this.entries.size >= this.options.size && oldest !== undefined) this.entries.delete(oldest);
    this.entries.set(key, { value, until: Math.min(until, now + this.options.ttlMs) });
    return value;
  }

  clear(): void {
    this.entries.clear();
  }
}
