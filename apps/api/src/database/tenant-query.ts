import pg from 'pg';

/** What `pg.Query` has and its types leave out; names as in node-postgres 8. */
interface Internals {
  name: string;
  callback: (error: Error | null, result: pg.QueryResult) => void;
  prepare(connection: Connection): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: pg.Connection): void;
  handleReadyForQuery(connection: pg.Connection): void;
  handleError(error: Error, connection: Connection): void;
}

/** A connection with what it notes of prepared statements: text by name. */
type Connection = pg.Connection & { parsedStatements: Record<string, string | undefined> };

const Query = pg.Query as unknown as new (config: pg.QueryConfig) => pg.Query & Internals;

const STATEMENT = 'app-tenant';
const SET_TENANT = `select set_config('app.tenant_id', $1, false)`;
const prepared = new WeakSet<pg.Connection>();
/** Whose rows a connection shows since its last query; nobody's where that failed. */
const shown = new WeakMap<pg.Connection, string>();

/**
 * A prepared query as one tenant: unless the connection's last query was that tenant's, too, a statement before it sets
 * the tenant, in the same message and the same transaction. It costs no round trip.
 */
class TenantQuery extends Query {
  private isTenantSet = false;
  private forget: () => void = () => undefined;

  constructor(
    private readonly tenantId: string,
    config: pg.QueryConfig,
  ) {
    super(config);
  }

  override prepare(connection: Connection): void {
    this.isTenantSet = shown.get(connection) === this.tenantId;
    if (!this.isTenantSet) this.setTenant(connection);
    super.prepare(connection);
  }

  private setTenant(connection: Connection): void {
    // A failure undoes the setting with the rest of the transaction.
    shown.delete(connection);
    if (!prepared.has(connection)) this.prepareSetting(connection);
    connection.bind({ statement: STATEMENT, values: [this.tenantId] }, true);
    connection.execute({}, true);
  }

  /** The client takes the answer to this for one to the query: what it notes then is taken back. */
  private prepareSetting(connection: Connection): void {
    const { name } = this;
    const isKnown = connection.parsedStatements[name] !== undefined;
    const onParsed = () => {
      prepared.add(connection);
      if (!isKnown) delete connection.parsedStatements[name];
    };
    connection.once('parseComplete', onParsed);
    this.forget = () => connection.off('parseComplete', onParsed);
    connection.parse({ name: STATEMENT, text: SET_TENANT, types: [] }, true);
  }

  override handleError(error: Error, connection: Connection): void {
    this.forget();
    super.handleError(error, connection);
  }

  /** The first row, and the first end of a statement, are those of the setting. */
  override handleDataRow(message: unknown): void {
    if (this.isTenantSet) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: pg.Connection): void {
    if (this.isTenantSet) super.handleCommandComplete(message, connection);
    this.isTenantSet = true;
  }

  override handleReadyForQuery(connection: pg.Connection): void {
    shown.set(connection, this.tenantId);
    super.handleReadyForQuery(connection);
  }
}

/** Asks on a connection in the name of a tenant. */
export const askAsTenant = <Row extends pg.QueryResultRow>(
  client: pg.PoolClient,
  tenantId: string,
  config: pg.QueryConfig & { name: string },
): Promise<pg.QueryResult<Row>> =>
  new Promise((resolve, reject) => {
    const query = new TenantQuery(tenantId, config);
    query.callback = (error, result) => (error ? reject(error) : resolve(result as pg.QueryResult<Row>));
    client.query(query);
  });
