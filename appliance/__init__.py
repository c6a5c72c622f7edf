"""What should the box do now?  Readings and time in; lamp, buzzer, records and a page out."""
