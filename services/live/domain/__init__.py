"""What may happen in rooms, and how gifts add up there. Pure: no database, no broker, no clock."""
