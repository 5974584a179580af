-- CreateTable
CREATE TABLE "sweep" (
    "id" INTEGER NOT NULL,
    "swept_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "sweep_pkey" PRIMARY KEY ("id")
);
