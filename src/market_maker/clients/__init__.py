"""Clients of TradeX's other services: Order Service, Metadata Service, Auth Service.

Each knows one wire contract and gives the core's own types. The Order Service's way is `order_service` ->
`http_lane` (connections) -> `order_contract` (what an answer means) -> `order_answers` (the core's event),
and a request's gate is asked at the last moment before it leaves. Nothing here tries an order twice.

An answer that cannot be read, or never comes, is an uncertain one and is never taken for a refusal.
`health` of each says within a second why it is not there, or nothing.
"""
