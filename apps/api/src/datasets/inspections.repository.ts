import { Injectable } from '@nestjs/common';
import type { Dataset } from '@influencerai/shared';
import { Database } from '../database/database.js';
import { DATASET_COLUMNS, type DatasetRow, fromRow } from './dataset.mapper.js';
import type { Inspection } from './inspection/inspection.js';

/** Which datasets, of whatever tenant, wait for their inspection, and what comes of it. */
@Injectable()
export class InspectionsRepository {
  constructor(private readonly database: Database) {}

  /**
   * Takes over a dataset that waits for its inspection, or whose inspector has been silent for `staleMs`. The row that
   * comes back is the claim: its `updatedAt` is the token that the writes below ask for, so that two processes never
   * inspect one dataset together and a status set by the tenant wins.
   */
  claimNext(staleMs: number): Promise<Dataset | undefined> {
    return this.write(CLAIM, [staleMs]);
  }

  /** Shows that the inspection is alive. @returns the new claim; undefined when it is lost */
  touch(claim: Dataset): Promise<Dataset | undefined> {
    return this.write(TOUCH, [claim.id, claim.updatedAt]);
  }

  /** Hands the dataset back, for any process to inspect. */
  async release(claim: Dataset): Promise<void> {
    await this.write(RELEASE, [claim.id, claim.updatedAt]);
  }

  /** @returns undefined when the claim is lost */
  finish(claim: Dataset, { status, stats, problems }: Inspection): Promise<Dataset | undefined> {
    return this.write(FINISH, [claim.id, claim.updatedAt, status, JSON.stringify(stats), JSON.stringify(problems)]);
  }

  private async write(text: string, values: unknown[]): Promise<Dataset | undefined> {
    const { rows } = await this.database.pool.query<DatasetRow>(text, values);
    return rows[0] && fromRow(rows[0]);
  }
}

/** Later than any earlier one even within a millisecond: the column is the token of claims. */
export const NEXT_TOKEN = "updated_at = greatest(now(), updated_at + interval '1 millisecond')";

/** Datasets that were measured once are left as their tenant sets them. */
const CLAIM = `update dataset set status = 'processing', ${NEXT_TOKEN} where id = (
    select id from dataset where stats is null
      and (status = 'pending' or (status = 'processing' and updated_at < now() - $1::int * interval '1 millisecond'))
    order by updated_at limit 1 for update skip locked
  ) returning ${DATASET_COLUMNS}`;

const HELD = "id = $1 and updated_at = $2::timestamptz and status = 'processing'";

const TOUCH = `update dataset set ${NEXT_TOKEN} where ${HELD} returning ${DATASET_COLUMNS}`;
const RELEASE = `update dataset set status = 'pending', ${NEXT_TOKEN} where ${HELD} returning ${DATASET_COLUMNS}`;
const FINISH = `update dataset set status = $3::dataset_status, stats = $4, problems = $5, ${NEXT_TOKEN} where ${HELD}
  returning ${DATASET_COLUMNS}`;
