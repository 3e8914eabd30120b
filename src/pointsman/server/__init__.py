"""The gateway: raw ASGI on uvicorn, no framework; surfaces in front of one Router."""
