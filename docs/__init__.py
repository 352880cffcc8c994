"""The documentation's sources, and what is generated into them. Not installed with Waybill."""
