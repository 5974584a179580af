import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { JOB_STATUSES } from '@influencerai/shared';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { CONFIG, type Config } from '../env.js';
import { HealthRepository } from './health.repository.js';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What Prometheus reads. No tenant appears as a label: their number has no bound. */
@Injectable()
export class MetricsService implements OnModuleInit {
  private readonly logger = new Logger(MetricsService.name);
  private readonly registry = new Registry();
  private readonly databaseUp = this.gauge(
    'influencerai_database_up',
    'Whether the figures from the database could be read.',
  );
  private readonly jobs = this.gauge('influencerai_jobs', 'Jobs by status.', ['status']);
  private readonly workers = this.gauge('influencerai_workers_online', 'Workers that reported within the lease time.');
  private readonly requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer, by route.',
    labelNames: ['method', 'route', 'status_code'],
    buckets: SECONDS,
    registers: [this.registry],
  });

  constructor(
    private readonly adapterHost: HttpAdapterHost<FastifyAdapter>,
    private readonly health: HealthRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onModuleInit(): void {
    collectDefaultMetrics({ register: this.registry });
    this.adapterHost.httpAdapter.getInstance().addHook('onResponse', (request, reply, done) => {
      // The pattern of the route, never the path itself: ids would make a series each.
      const route = request.routeOptions.url ?? 'none';
      this.requests.observe({ method: request.method, route, status_code: reply.statusCode }, reply.elapsedTime / 1000);
      done();
    });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** All figures in Prometheus' text format. */
  async render(): Promise<string> {
    await this.readDatabase();
    return this.registry.metrics();
  }

  /** Figures of the process must be readable while the database is away. */
  private async readDatabase(): Promise<void> {
    this.jobs.reset();
    this.workers.reset();
    try {
      const [jobs, workers] = await Promise.all([
        this.health.countJobs(),
        this.health.countOnlineWorkers(this.config.jobs.leaseMs),
      ]);
      for (const status of JOB_STATUSES)
        this.jobs.set({ status }, jobs.find((row) => row.status === status)?.count ?? 0);
      this.workers.set(workers);
      this.databaseUp.set(1);
    } catch (error) {
      this.logger.warn({ err: error }, 'Figures from the database could not be read.');
      this.databaseUp.set(0);
    }
  }

  /** A counter of another part of the API. */
  counter<Label extends string = never>(name: string, help: string, labelNames: Label[] = []): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge<Label extends string = never>(name: string, help: string, labelNames: Label[] = []): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}
