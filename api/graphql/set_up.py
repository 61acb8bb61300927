"""Puts together what operations are run with, out of the settings."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import strawberry
from graphql import DocumentNode, GraphQLSchema

from api.downloads import downloads
from api.graphql.budgets import Allowance, Budgets
from api.graphql.documents import Documents
from api.graphql.engine import Engine
from api.graphql.execution import Execution
from api.graphql.extensions import Extensions, extensions_of
from api.graphql.failures import RequestError
from api.graphql.limits import Limits
from api.graphql.operations import Operation
from api.graphql.persisted import (
    Automatic,
    BadManifest,
    Locked,
    PersistedOperations,
    Unpersisted,
    read_manifest,
)
from api.graphql.turns import Courtesy, Turns
from api.parts import Parts
from api.settings import Settings, SettingsError
from execution import Plans
from schema.context import Context, Platform
from schema.errors import ErrorCode
from schema.root import SCHEMA
from tenants.identity import Principal


def build_execution(parts: Parts, schema: strawberry.Schema = SCHEMA) -> Execution:
    """What every transport runs operations with."""
    settings = parts.settings
    extensions = extensions_of(schema)
    courtesy = Courtesy(
        patience=settings.dear_operation_courtesy, in_all=settings.dear_operation_courtesy_in_all
    )
    core = schema._schema  # noqa: SLF001 - Strawberry offers graphql-core's schema no other way
    documents = _documents(settings, core, courtesy, extensions)
    budgets, persisted = _budgets(parts), _persisted(parts, core)
    return Execution(
        engine=_engine(settings, core, documents, extensions),
        documents=documents,
        open_context=_contexts(parts, documents, budgets, persisted),
        persisted=persisted,
        budgets=budgets,
        turns=_turns(settings, at_once=settings.operations_at_once),
        dear_turns=_turns(settings, at_once=1),
        event_turns=Turns(at_once=settings.events_at_once),
        dear=settings.dear_operation_points,
        courtesy=courtesy,
        timeout=settings.operation_timeout,
    )


def _contexts(
    parts: Parts, documents: Documents, budgets: Budgets, persisted: PersistedOperations
) -> Callable[[Principal, str], Context]:
    async def read_document(principal: Principal, text: str) -> DocumentNode | list[str]:
        async def pay(points: int) -> None:
            await budgets.charge(principal, points, what="Reading the document")

        try:
            known = await persisted.text(Operation(text), principal)
            found = await documents.get(known, None, reader=principal.workspace_id, pay=pay)
        except RequestError as refusal:
            if refusal.says(ErrorCode.THROTTLED):
                raise refusal.errors[0] from None  # not the document's fault
            return [error.message for error in refusal.errors]
        return found.node

    platform = Platform(
        feeds=parts.feeds,
        open_database=parts.open_database,
        invitation_lifetime=timedelta(days=parts.settings.invitation_days),
        read_document=read_document,
        download_url=lambda asker, job_id: downloads(parts).url(asker, job_id),
        subscriber_queue=parts.settings.subscriber_queue,
        jobs_waiting=parts.settings.jobs_waiting,
    )

    def open_context(principal: Principal, request_id: str) -> Context:
        return Context(principal=principal, platform=platform, request_id=request_id)

    return open_context


def _documents(
    settings: Settings, schema: GraphQLSchema, courtesy: Courtesy, extensions: Extensions | None
) -> Documents:
    return Documents(
        schema,
        document_limits(settings),
        introspection=settings.introspection,
        suggestions=settings.suggestions,
        courtesy=courtesy,
        # However many clients come at once for the same document: the first has it read for all.
        turns=Turns(at_once=1, patience=settings.operation_timeout),
        rules=extensions.rules if extensions else (),
    )


def _engine(
    settings: Settings, schema: GraphQLSchema, documents: Documents, extensions: Extensions | None
) -> Engine:
    return Engine(
        schema=schema,
        beside=documents.beside,
        plans=_plans(settings, schema),
        extensions=extensions,
        suggestions=settings.suggestions,
    )


def _budgets(parts: Parts) -> Budgets:
    settings = parts.settings
    return Budgets(
        parts.redis,
        key=Allowance(settings.budget_points, settings.budget_restore),
        workspace=Allowance(settings.workspace_budget_points, settings.workspace_budget_restore),
        reluctance=settings.throttled_reluctance,
    )


def _turns(settings: Settings, *, at_once: int) -> Turns:
    waiting, patience = settings.operations_waiting, settings.operation_timeout
    return Turns(at_once=at_once, waiting=waiting, patience=patience)


def _plans(settings: Settings, schema: GraphQLSchema) -> Plans | None:
    if not settings.compiled_execution:
        return None
    return Plans(
        schema,
        most=settings.compiled_operations,
        characters=settings.compiled_characters,
        hide_suggestions=not settings.suggestions,
        beside=ThreadPoolExecutor(1, "plans"),
    )


def document_limits(settings: Settings) -> Limits:
    return Limits(
        characters=settings.max_query_characters,
        tokens=settings.max_query_tokens,
        fragments=settings.max_query_fragments,
        depth=settings.max_query_depth,
        fields=settings.max_query_fields,
        aliases=settings.max_query_aliases,
        directives=settings.max_query_directives,
        comparisons=settings.max_query_comparisons,
        values=settings.max_query_values,
        cost=settings.max_operation_cost,
        variable_values=settings.max_variable_values,
        variable_objects=settings.max_variable_objects,
    )


def _persisted(parts: Parts, schema: GraphQLSchema) -> PersistedOperations:
    settings = parts.settings
    if settings.persisted_operations == "off":
        return Unpersisted()
    if settings.operations_manifest and settings.persisted_operations == "locked":
        try:
            return Locked(read_manifest(settings.operations_manifest, schema))
        except BadManifest as error:
            raise SettingsError(f"SELLER_OPERATIONS_MANIFEST: {error}") from None
    return Automatic(
        parts.redis,
        most=settings.persisted_operations_per_workspace,
        days=settings.persisted_operation_days,
    )
