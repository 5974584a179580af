/** A job and whose it is. */
export interface JobKey {
  tenantId: string;
  jobId: string;
}
