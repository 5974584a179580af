import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, DriverAdapterError } from '@prisma/driver-adapter-utils';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

export type SchemaEngine = bindings.SchemaEngine;

interface EngineExports {
  __wbindgen_start(): void;
}

/** Node has it; the types come with the browser's, which this project does not load. */
interface WasmRuntime {
  instantiate(code: Uint8Array, imports: object): Promise<{ instance: { exports: EngineExports } }>;
}

const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: WasmRuntime };

/** There in the module, absent from its type declarations. */
const { __wbg_set_wasm: setWasm } = bindings as unknown as { __wbg_set_wasm(exports: EngineExports): void };

let loaded: Promise<void> | undefined;

type Binding = (...args: unknown[]) => unknown;

/** The engine never clears the timer of its lock's time limit (10 s), which would keep the process waiting for it. */
const releaseTimers = (imports: Record<string, unknown>): Record<string, unknown> => {
  const timers = Object.keys(imports).filter((name) => name.startsWith('__wbg_setTimeout'));
  const released = timers.map((name) => {
    const start = imports[name] as Binding;
    return [name, (...args: unknown[]) => (start(...args) as NodeJS.Timeout).unref()];
  });
  return { ...imports, ...(Object.fromEntries(released) as Record<string, Binding>) };
};

/**
 * Prisma's own migration engine, in WebAssembly. The command line of Prisma would download a native one; this comes with
 * npm and writes the same `_prisma_migrations` rows, so that `prisma migrate deploy` accepts the same database.
 */
const loadEngine = async (): Promise<void> => {
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
  const code = await readFile(path.join(path.dirname(entry), 'schema_engine_bg.wasm'));
  const { instance } = await wasm.instantiate(code, { './schema_engine_bg.js': releaseTimers({ ...bindings }) });
  setWasm(instance.exports);
  instance.exports.__wbindgen_start();
};

/** The engine hands on the message alone; its code is what others can tell the reason by. */
const asDriverError = (error: unknown): unknown => {
  if (!(error instanceof pg.DatabaseError)) return error;
  const { code = '', severity = 'ERROR', message, detail, column, hint } = error;
  return new DriverAdapterError({
    kind: 'postgres',
    code,
    severity,
    message: `${message} (${code})`,
    detail,
    column,
    hint,
  });
};

/** How migrations wait for tables that others use. Who waits for a lock holds up everybody who comes after it. */
export interface LockPatience {
  /** Then the request that the others wait behind is given up, */
  lockMs: number;
  /** they have this long to pass, */
  pauseMs: number;
  /** and it is made again, so often in all. */
  tries: number;
}

const PATIENCE: LockPatience = { lockMs: 2_000, pauseMs: 2_000, tries: 15 };

export const LOCK_NOT_AVAILABLE = '55P03';

/** A script is one transaction: what is given up has done nothing, and can be sent again. */
const sendPatiently = async (pool: pg.Pool, script: string, { lockMs, pauseMs, tries }: LockPatience) => {
  for (let tried = 1; ; tried += 1) {
    try {
      await pool.query(`set local lock_timeout = ${lockMs}; ${script}`);
      return;
    } catch (error) {
      const isLocked = error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE;
      if (!isLocked || tried >= tries) throw error;
      await setTimeout(pauseMs);
    }
  }
};

/** Sends a script in one piece: the adapter's own way cuts it at every semicolon, also inside functions and comments. */
class WholeScriptPg extends PrismaPg {
  constructor(
    private readonly pool: pg.Pool,
    private readonly patience: LockPatience,
  ) {
    super(pool);
  }

  override async connect() {
    const adapter = await super.connect();
    adapter.executeScript = async (script) => {
      try {
        await sendPatiently(this.pool, script, this.patience);
      } catch (error) {
        throw asDriverError(error);
      }
    };
    return adapter;
  }
}

/** Lends an engine that is connected to the database to `use`, and frees it. */
export const withSchemaEngine = async <T>(
  databaseUrl: string,
  use: (engine: SchemaEngine) => Promise<T>,
  patience = PATIENCE,
): Promise<T> => {
  await (loaded ??= loadEngine());
  // Without a time limit for idle connections: its timers outlive the pool, and would keep the process waiting.
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2, idleTimeoutMillis: 0 });
  try {
    const adapter = bindMigrationAwareSqlAdapterFactory(new WholeScriptPg(pool, patience));
    const engine = await bindings.SchemaEngine.new({ datamodels: undefined }, () => undefined, adapter);
    try {
      return await use(engine);
    } finally {
      engine.free();
    }
  } finally {
    await pool.end();
  }
};
