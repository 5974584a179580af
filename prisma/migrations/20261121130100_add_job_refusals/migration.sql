-- CreateTable
CREATE TABLE "job_refusal" (
    "tenant_id" TEXT NOT NULL,
    "job_id" UUID NOT NULL,
    "worker_id" UUID NOT NULL,
    "reason" TEXT NOT NULL,
    "refused_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "job_refusal_pkey" PRIMARY KEY ("job_id","worker_id")
);

-- CreateIndex
CREATE INDEX "job_refusal_worker_id_idx" ON "job_refusal"("worker_id");

-- AddForeignKey
ALTER TABLE "job_refusal" ADD CONSTRAINT "job_refusal_tenant_id_job_id_fkey" FOREIGN KEY ("tenant_id", "job_id") REFERENCES "job"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "job_refusal" ADD CONSTRAINT "job_refusal_worker_id_fkey" FOREIGN KEY ("worker_id") REFERENCES "worker"("id") ON DELETE CASCADE ON UPDATE RESTRICT;

SELECT "secure_rows"('job_refusal');
