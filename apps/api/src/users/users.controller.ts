import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type CreateUser,
  CreateUserSchema,
  type ListUsersQuery,
  ListUsersQuerySchema,
  type Page,
  type UpdateUser,
  UpdateUserSchema,
  type User,
  UserPageSchema,
  UserSchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { Needs } from '../auth/access.js';
import { Caller, type Principal } from '../auth/principal.js';
import { Answers, Refuses } from '../http/openapi.js';
import { PAGE_HEADERS, sendPageHeaders } from '../http/page-headers.js';
import { UsersService } from './users.service.js';

@ApiTags('Users')
@Needs('admin')
@Controller('users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Post()
  @ApiOperation({ summary: 'Create a user of the tenant' })
  @Answers(201, UserSchema, 'The user.')
  @Refuses({ 400: 'A field is wrong.', 409: 'The id is taken.' })
  create(@Caller() caller: Principal, @Body({ schema: CreateUserSchema }) input: CreateUser): Promise<User> {
    return this.users.create(caller, input);
  }

  @Get()
  @ApiOperation({ summary: 'List users, newest first' })
  @Answers(200, UserPageSchema, 'One page.', PAGE_HEADERS)
  @Refuses({ 400: 'A parameter is wrong.' })
  async list(
    @Caller() caller: Principal,
    @Query({ schema: ListUsersQuerySchema }) query: ListUsersQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Page<User>> {
    return sendPageHeaders(reply, await this.users.list(caller, query));
  }

  @Get(':userId')
  @ApiOperation({ summary: 'Get a user' })
  @Answers(200, UserSchema, 'The user.')
  @Refuses({ 404: 'Unknown user.' })
  get(@Caller() caller: Principal, @Param('userId') userId: string): Promise<User> {
    return this.users.get(caller, userId);
  }

  @Patch(':userId')
  @ApiOperation({ summary: 'Rename, disable or enable a user' })
  @Answers(200, UserSchema, 'The user after the change.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown user.' })
  update(
    @Caller() caller: Principal,
    @Param('userId') userId: string,
    @Body({ schema: UpdateUserSchema }) input: UpdateUser,
  ): Promise<User> {
    return this.users.update(caller, userId, input);
  }

  @Delete(':userId')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a user together with its keys' })
  @ApiNoContentResponse({ description: 'Removed.' })
  @Refuses({ 404: 'Unknown user.' })
  delete(@Caller() caller: Principal, @Param('userId') userId: string): Promise<void> {
    return this.users.delete(caller, userId);
  }
}
